/**
 * @file Words that are frequent in texts of a language, and letters that few other languages have, for languages in
 * Latin script. The words are those of descriptions of pictures: articles, prepositions, pronouns, "wearing", "behind".
 */

export interface LanguageMarks {
  readonly words: string;
  /** Letters, in lower case. */
  readonly letters?: string;
}

/** By ISO 639-1 code. */
export const LATIN_LANGUAGES: Readonly<Record<string, LanguageMarks>> = {
  en: {
    words:
      'the a an of and in on at with is are to from by his her their its he she they it this that while behind wearing ' +
      'standing sitting looking holding near over under against through into there has have was for as one two man woman',
  },
  de: {
    words:
      'der die das den dem des ein eine einen einem einer eines und in im am auf mit von vor hinter ist sind nicht sich ' +
      'trägt steht sitzt hält blickt sein seine ihr ihre zu zum zur bei aus über unter neben durch wird hat für als auch ' +
      'frau mann',
    letters: 'ß',
  },
  fr: {
    words:
      'le la les un une des du de et en dans sur avec est sont au aux qui que son sa ses leur porte debout assis assise ' +
      'devant derrière par pour se il elle ce cette d l sous vers homme femme dont à',
    letters: 'œ',
  },
  es: {
    words:
      'el la los las un una unos unas de del y en con es son al que su sus lleva está están sentado sentada pie por para ' +
      'se sobre detrás frente junto entre como lo hombre mujer hacia mientras muy',
    letters: 'ñ¿¡',
  },
  it: {
    words:
      'il lo la i gli le un uno una di del della dei delle e in nel nella con su sul sulla è sono che indossa seduto ' +
      'seduta piedi davanti dietro per si da dal suo sua suoi al alla ai uomo donna mentre tra come',
  },
  pt: {
    words:
      'o a os as um uma de do da dos das e em no na nos nas com é são que seu sua veste usa está sentado sentada pé por ' +
      'para se sobre atrás frente ao à homem mulher não mais como',
    letters: 'ãõ',
  },
  nl: {
    words:
      'de het een en van in op met is zijn aan voor achter naast die dat zij hij haar draagt staat zit houdt kijkt naar ' +
      'onder over bij door uit niet te tegen wordt man vrouw',
  },
  sv: {
    words:
      'en ett och i på med är som av för till den det de han hon sin sitt sina bär står sitter håller framför bakom ' +
      'vid under över mot inte från mannen kvinna man',
    letters: 'å',
  },
  da: {
    words:
      'en et og i på med er som af for til den det de han hun sin sit sine bærer står sidder holder foran bag ved ' +
      'under over mod ikke fra mand kvinde har hvid',
    letters: 'æø',
  },
  no: {
    words:
      'en et ei og i på med er som av for til den det de han hun sin sitt sine har står sitter holder foran bak ved ' +
      'under over mot ikke fra mann kvinne hvit',
    letters: 'æø',
  },
  fi: {
    words:
      'ja on ovat hän joka jossa jolla yllään päällä edessä takana vieressä kanssa seisoo istuu pitää katsoo nainen mies ' +
      'ei että myös se hänen kädessään alla yli',
  },
  pl: {
    words:
      'i w we na z ze do o od po za przed obok pod nad jest są się który która które nosi ubrana ubrany stoi siedzi ' +
      'trzyma patrzy jego jej ich nie to przy kobieta mężczyzna',
    letters: 'ąęłńśźż',
  },
  cs: {
    words:
      'a v ve na s se z ze do o od po za před vedle pod nad je jsou který která které má na sobě stojí sedí drží dívá ' +
      'jeho její jejich není to u žena muž',
    letters: 'ěřůďť',
  },
  ro: {
    words:
      'un o și în pe cu de la din este sunt care al ale lui ei poartă stă ține privește lângă sub peste în fața spatele ' +
      'nu se pentru bărbat femeie',
    letters: 'șțăî',
  },
  hu: {
    words:
      'a az egy és van vannak aki amely ban ben hogy nem is áll ül tart néz visel előtt mögött mellett alatt felett ' +
      'férfi nő rajta kezében fehér',
    letters: 'őű',
  },
  tr: {
    words:
      've bir bu da de ile için olan üzerinde altında önünde arkasında yanında giyiyor duruyor oturuyor tutuyor bakıyor ' +
      'var çok gibi kadın adam',
    letters: 'ğışİ',
  },
  id: {
    words:
      'yang di dan dengan dari ke pada untuk seorang sebuah ini itu adalah tidak sedang mengenakan memakai berdiri duduk ' +
      'memegang melihat depan belakang samping pria wanita dalam atas bawah',
  },
  vi: {
    words:
      'một và của với trong trên là có người đang mặc đứng ngồi cầm nhìn phía trước sau bên cạnh dưới màu những các cho ' +
      'không này đàn ông phụ nữ',
    letters: 'ơưđăạảấầẩẫậắằẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỷỹỵ',
  },
};
