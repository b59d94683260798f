import { describe, expect, test } from 'vitest';
import type { Description } from '../define.ts';
import { readAnswer, wordsOf } from './judge-caption.ts';

/** Dense captions as models write them, 150 to 200 words. */
const CAPTIONS = [
  'A woman in her thirties with shoulder-length auburn hair sits on a wooden bench, her body turned slightly to the left and her face toward the camera. Her right hand rests on her knee, and her left arm lies along the back of the bench. She has fair skin with freckles across her nose, green eyes, and closed lips with a slight upward curve. She wears a mustard-yellow knitted sweater with a rolled collar, dark blue straight-leg jeans, and white canvas shoes with flat soles. A thin silver chain hangs around her neck, and a brown leather bag with a brass buckle stands beside her. The bench has dark slats and cast-iron legs. Behind her, out of focus, a gravel path runs between rows of plane trees with green and yellow leaves. Soft daylight falls from the upper right and leaves a faint shadow under her chin. The framing is three-quarter length, taken at eye level, with her face in sharp focus and the trees blurred into round patches of light.',
  'Two red wooden fishing boats lie side by side on a pebble beach, their bows pointing toward the camera. The boat on the left has a white stripe below the gunwale and the number 27 painted in black on its side; the boat on the right has peeling paint that shows grey wood along the keel. Coils of blue and orange rope, three round white floats, and a folded brown net lie inside the left boat. A rusted anchor rests on the stones in the foreground. The pebbles are grey, beige, and dark brown, wet near the waterline and dry further up. Behind the boats, small waves break in a thin line of foam, and the sea extends to a straight horizon in the upper third. The sky is covered by a flat layer of pale grey clouds. The light is even and diffuse, without hard shadows. The camera stands low, about at the height of the bows, and the framing is wide, with both boats entirely in view and everything in focus.',
];
const RULES = { words: [150, 200], language: 'en' } as const;

const said = (text: string, finish: Description['finish'] = 'stop') => readAnswer({ text, finish }, RULES);

test.each(CAPTIONS)('a dense caption is taken as it is: %.40s', caption => {
  expect(wordsOf(caption).length).toBeGreaterThan(150);
  expect(said(caption)).toEqual({ caption });
  expect(said(caption, 'unknown')).toEqual({ caption });
});

const [DENSE = ''] = CAPTIONS;
const SENTENCE = 'The woman wears a yellow sweater and sits on a wooden bench in a park.';

describe('an answer is refused', () => {
  test.each<[string, string, Description['finish'], string | RegExp]>([
    ['that the limit of tokens cut off', DENSE, 'length', 'cut off at the limit of tokens'],
    ['that a filter withheld', '', 'filter', 'withheld by a filter of the server'],
    ['that apologizes', "I'm sorry, but I can't describe people.", 'stop', 'a refusal of the model'],
    [
      'that says a sentence again and again',
      `${DENSE} ${Array(3).fill(SENTENCE).join(' ')}`,
      'stop',
      'it repeats itself',
    ],
    [
      'that says a word again and again',
      `${DENSE.slice(0, -1)} very very very very very small.`,
      'stop',
      'it repeats itself',
    ],
    [
      'that goes round in clauses',
      Array(24).fill('a red light, a blue door, a green leaf').join(', '),
      'stop',
      'it repeats itself',
    ],
    ['that ends in dots', `${DENSE}${'!'.repeat(40)}`, 'stop', 'it repeats itself'],
    ['of a few words', SENTENCE, 'stop', 'too short: 15 words'],
    ['of twice the words', CAPTIONS.join(' '), 'stop', /^too long: 3\d\d words$/],
    [
      'that breaks off, of a server that does not say why',
      DENSE.slice(0, -9),
      'unknown',
      'it ends in the middle of a sentence',
    ],
    ['with damaged characters', `${DENSE} �`, 'stop', 'damaged characters'],
  ])('%s', (_, text, finish, problem) => {
    expect(said(text, finish)).toEqual({
      problem: typeof problem === 'string' ? problem : expect.stringMatching(problem),
    });
  });
});

const GERMAN =
  'Eine Frau mit rotem Haar sitzt auf einer Bank im Park und blickt in die Kamera. Sie trägt einen gelben Pullover und eine blaue Hose. Das Licht fällt von rechts auf das Gesicht, und hinter ihr stehen Bäume.';
const FRENCH =
  'Une femme aux cheveux roux est assise sur un banc dans un parc et regarde la caméra. Elle porte un pull jaune avec un pantalon bleu. La lumière vient de la droite, et des arbres se trouvent derrière elle.';
const CHINESE =
  '一位红发女子坐在公园的木制长椅上，面向镜头。她穿着黄色毛衣和蓝色牛仔裤，旁边放着一个棕色皮包。背景是模糊的绿色树木。';
const JAPANESE =
  '赤い髪の女性が公園の木製のベンチに座り、カメラを見ている。黄色いセーターと青いジーンズを着ている。背景には木々がある。';

test.each([
  ['en', SENTENCE.repeat(2), true],
  ['de', GERMAN, true],
  ['fr', FRENCH, true],
  ['zh', CHINESE, true],
  ['ja', JAPANESE, true],
  ['en', GERMAN, false],
  ['en', FRENCH, false],
  ['en', CHINESE, false],
  ['de', FRENCH, false],
  ['fr', GERMAN, false],
  ['de', SENTENCE.repeat(2), false],
  ['ja', CHINESE, false],
  ['zh', JAPANESE, false],
  ['ru', SENTENCE, false],
] as const)('in %s, whether the text %.20s is taken: %s', (language, text, taken) => {
  const answer = readAnswer({ text, finish: 'stop' }, { words: [10, 60], language });
  if (taken) expect(answer).toHaveProperty('caption');
  else expect(answer).toHaveProperty('problem', expect.stringMatching(/^not in /));
});
