import { expect, test } from 'vitest';
import { LANGUAGES, tellLanguage } from './tell-language.ts';

/** Captions as people write them, of which none was used to choose the words. */
const CAPTIONS: Readonly<Record<string, readonly string[]>> = {
  en: [
    'A young man with curly brown hair sits on a wooden bench in the park.',
    'close-up of a red fox lying in the snow, soft light',
    'Portrait of an elderly lady in a blue coat; she smiles at the camera.',
    'Two dogs run along the beach at sunset.',
  ],
  de: [
    'Eine junge Frau mit roten Haaren lehnt an einer Mauer.',
    'Der alte Hund schläft vor dem Kamin, daneben liegt ein Ball.',
    'Ein Junge mit Mütze, im Hintergrund ist der Wald zu sehen.',
  ],
  fr: [
    'Un vieil homme aux cheveux gris lit un journal dans un café.',
    'Portrait d’une jeune fille en robe rouge, lumière douce.',
    'Deux chats dorment sur le canapé devant la fenêtre.',
  ],
  es: [
    'Una niña con vestido amarillo corre por la playa al atardecer.',
    'Retrato de un anciano con sombrero, el fondo es gris.',
    'Dos perros juegan en el jardín de la casa.',
  ],
  it: [
    'Una ragazza con i capelli ricci legge un libro nel parco.',
    'Ritratto di un vecchio con la barba bianca, lo sfondo è scuro.',
    'Due gatti dormono sul divano vicino alla finestra.',
  ],
  pt: [
    'Uma menina de vestido amarelo corre na praia ao pôr do sol.',
    'Retrato de um velho com chapéu, o fundo é cinza.',
    'Dois cães brincam no jardim da casa.',
  ],
  nl: [
    'Een jonge vrouw met rood haar leunt tegen een muur van baksteen.',
    'De oude hond slaapt voor de open haard, naast hem ligt een bal.',
  ],
  sv: ['En ung kvinna med rött hår sitter på en bänk i parken.', 'Den gamla hunden sover framför elden, det är natt.'],
  fi: ['Nuori nainen istuu puistossa ja lukee kirjaa, hänen hiuksensa on punaiset.'],
  pl: ['Młoda kobieta z rudymi włosami siedzi na ławce w parku.', 'Stary pies śpi przed kominkiem, obok leży piłka.'],
  cs: ['Mladá žena s rudými vlasy sedí na lavičce v parku.', 'Starý pes spí před krbem a vedle něj leží míč.'],
  ro: ['O tânără cu păr roșcat stă pe o bancă în parc.'],
  hu: ['Egy fiatal nő vörös hajjal ül a padon, és könyvet olvas.'],
  tr: ['Kızıl saçlı genç bir kadın parkta bankta oturuyor ve kitap okuyor.'],
  id: ['Seorang wanita muda dengan rambut merah duduk di bangku taman.'],
  vi: ['Một người phụ nữ trẻ tóc đỏ ngồi trên ghế trong công viên.'],
  ja: ['公園のベンチに座っている赤い髪の若い女性。', 'ソファで寝ている猫'],
  zh: ['一位红发的年轻女子坐在公园的长椅上。'],
  ko: ['빨간 머리의 젊은 여자가 공원 벤치에 앉아 있다.'],
  ru: ['Молодая женщина с рыжими волосами сидит на скамейке в парке.'],
  uk: ['Молода жінка з рудим волоссям сидить на лавці в парку і читає.'],
  el: ['Μια νεαρή γυναίκα με κόκκινα μαλλιά κάθεται σε ένα παγκάκι.'],
  ar: ['امرأة شابة ذات شعر أحمر تجلس على مقعد في الحديقة'],
  he: ['אישה צעירה עם שיער אדום יושבת על ספסל בפארק'],
  hi: ['लाल बालों वाली एक युवती पार्क में बेंच पर बैठी है'],
  th: ['หญิงสาวผมแดงนั่งอยู่บนม้านั่งในสวน'],
};

test('the languages of captions are told, and none is taken for another', () => {
  const wrong = Object.entries(CAPTIONS).flatMap(([code, captions]) =>
    captions.map(caption => ({ code, caption, told: tellLanguage(caption).code })).filter(({ told }) => told !== code),
  );
  expect(wrong).toEqual([]);
  for (const code of Object.keys(CAPTIONS)) expect(LANGUAGES).toContain(code);
});

test.each(['', '123 !?', 'red fox', 'masterpiece, 8k, bokeh', 'qwzx vbn', '🦊🦊'])(
  '"%s" has too little to tell a language by',
  text => {
    expect(tellLanguage(text)).toEqual({ code: 'und', confidence: 0 });
  },
);

test('languages that differ in few words are not told apart by a text without them', () => {
  expect(tellLanguage('en til det').code).toBe('und');
});
