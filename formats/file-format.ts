/**
 * @file What a file is, by its bytes. The name of a file does not matter. One table has the formats of pictures that
 * are read, and those that people bring beside them, so that a message can say what a file is.
 */
import { isUtf8 } from 'node:buffer';
import { readTiffDirectories, type TiffDirectory } from './tiff.ts';

export interface FileFormat {
  /** 'HEIC', 'a raw photograph (NEF)', 'a web page'. */
  readonly name: string;
  /** Values of a sensor, which have to be developed. */
  readonly isRaw?: true;
  /** The name of the format in stored documents, if it is read. */
  readonly read?: ReadFormat;
  /** Endings of names of such pictures, without the dot. */
  readonly endings?: readonly string[];
}

export type ReadFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif' | 'npy';

interface Row extends FileFormat {
  matches(file: File): boolean;
}

/** Bytes of a file that the rows look at; TIFF looks at its directories, too. */
const HEAD_BYTES = 4096;

interface File {
  readonly bytes: Uint8Array;
  /** The first bytes, one character each. */
  readonly head: string;
  /** Brands of an ISO base media file, the major one first. */
  readonly brands: readonly string[];
  readonly directories: () => readonly TiffDirectory[];
}

type Test = Row['matches'];

const starts =
  (...marks: readonly string[]): Test =>
  ({ head }) =>
    marks.some(mark => head.startsWith(mark));
const has =
  (offset: number, ...marks: readonly string[]): Test =>
  ({ head }) =>
    marks.some(mark => head.startsWith(mark, offset));
const riff =
  (form: string): Test =>
  ({ head }) =>
    head.startsWith('RIFF') && head.startsWith(form, 8);
const brand =
  (...names: readonly string[]): Test =>
  ({ brands }) =>
    names.some(name => brands.includes(name));
/** Text, by its first letters after white space and a mark of UTF-8. */
const text =
  (pattern: RegExp): Test =>
  ({ head }) =>
    pattern.test(head.replace(/^(\xef\xbb\xbf)?\s*/, ''));

/** Colour filter array, and linear raw: values of a sensor, not of a picture. */
const SENSOR_VALUES = [32803, 34892];
/** Compressions of the raw files of Nikon, Sony, Pentax, Samsung and Kodak. */
const RAW_COMPRESSIONS = [34713, 32767, 65535, 32770, 32772, 65000, 65001, 65002];

const isRaw: Test = ({ directories }) =>
  directories().some(
    ({ hasDngVersion, photometric, compression }) =>
      hasDngVersion || SENSOR_VALUES.includes(photometric) || RAW_COMPRESSIONS.includes(compression),
  );
const rawOf =
  (maker: RegExp): Test =>
  file =>
    isRaw(file) && file.directories().some(({ make }) => maker.test(make));

function raw(name: string, endings: readonly string[], matches: Test): Row {
  return { name: `a raw photograph (${name})`, isRaw: true, endings, matches };
}

/** The first row that matches counts. */
const ROWS: readonly Row[] = [
  { name: 'JPEG-LS', endings: ['jls'], matches: starts('\xff\xd8\xff\xf7') },
  { name: 'JPEG', read: 'jpeg', endings: ['jpg', 'jpeg', 'jpe', 'jfif'], matches: starts('\xff\xd8\xff') },
  { name: 'PNG', read: 'png', endings: ['png', 'apng'], matches: starts('\x89PNG\r\n\x1a\n') },
  { name: 'WebP', read: 'webp', endings: ['webp'], matches: riff('WEBP') },
  { name: 'GIF', read: 'gif', endings: ['gif'], matches: starts('GIF87a', 'GIF89a') },

  raw('CR2', ['cr2'], has(8, 'CR\x02')),
  raw('DNG', ['dng'], ({ directories }) => directories().some(({ hasDngVersion }) => hasDngVersion)),
  raw('NEF', ['nef', 'nrw'], rawOf(/nikon/i)),
  raw('ARW', ['arw', 'sr2', 'srf'], rawOf(/sony/i)),
  raw('PEF', ['pef'], rawOf(/pentax|ricoh/i)),
  raw('SRW', ['srw'], rawOf(/samsung/i)),
  raw('3FR', ['3fr', 'fff'], rawOf(/hasselblad/i)),
  raw('IIQ', ['iiq'], rawOf(/phase one|leaf/i)),
  raw('in a TIFF', ['dcr', 'kdc', 'erf', 'mef', 'mos'], isRaw),
  raw('CR3', ['cr3'], brand('crx ')),
  raw('CRW', ['crw'], has(6, 'HEAPCCDR')),
  raw('RAF', ['raf'], starts('FUJIFILMCCD-RAW')),
  raw('ORF', ['orf'], starts('IIRO', 'IIRS', 'MMOR')),
  raw('RW2', ['rw2', 'rwl', 'raw'], starts('IIU\0')),
  raw('X3F', ['x3f'], starts('FOVb')),
  raw('MRW', ['mrw'], starts('\0MRM')),

  {
    name: 'a TIFF that begins with a small copy of its picture',
    matches: ({ directories }) => {
      const [first, ...others] = directories();
      return (
        first?.isReduced === true && others.some(({ width, height }) => width * height > first.width * first.height)
      );
    },
  },
  { name: 'TIFF', read: 'tiff', endings: ['tif', 'tiff'], matches: starts('II*\0', 'MM\0*', 'II+\0', 'MM\0+') },
  { name: 'an animation in AVIF', matches: ({ brands }) => brands[0] === 'avis' },
  { name: 'AVIF', read: 'avif', endings: ['avif', 'avifs'], matches: brand('avif', 'avis') },
  {
    name: 'HEIC',
    endings: ['heic', 'heics', 'hif'],
    matches: brand('heic', 'heix', 'hevc', 'hevx', 'heim', 'heis', 'hevm', 'hevs'),
  },
  { name: 'HEIF', endings: ['heif', 'heifs'], matches: brand('mif1', 'msf1', 'mif2') },
  { name: 'JPEG XL', endings: ['jxl'], matches: starts('\xff\x0a', '\0\0\0\x0cJXL \r\n\x87\n') },
  {
    name: 'JPEG 2000',
    endings: ['jp2', 'j2k', 'jpx', 'jpf', 'j2c'],
    matches: starts('\0\0\0\x0cjP  \r\n\x87\n', '\xff\x4f\xff\x51'),
  },
  { name: 'JPEG XR', endings: ['jxr', 'wdp', 'hdp'], matches: starts('II\xbc') },
  {
    name: 'BMP',
    endings: ['bmp', 'dib'],
    // The size of the second header is one of few.
    matches: ({ head }) => head.startsWith('BM') && [12, 16, 40, 52, 56, 64, 108, 124].includes(head.charCodeAt(14)),
  },
  {
    name: 'ICO',
    endings: ['ico', 'cur'],
    // Icons or cursors, and their number.
    matches: file => starts('\0\0\x01\0', '\0\0\x02\0')(file) && file.head[4] !== '\0' && file.head[5] === '\0',
  },
  { name: 'PSD', endings: ['psd', 'psb'], matches: starts('8BPS') },
  { name: 'XCF', endings: ['xcf'], matches: starts('gimp xcf') },
  { name: 'OpenEXR', endings: ['exr'], matches: starts('\x76\x2f\x31\x01') },
  { name: 'Radiance HDR', endings: ['hdr'], matches: starts('#?RADIANCE', '#?RGBE') },
  { name: 'DDS', endings: ['dds'], matches: starts('DDS ') },
  { name: 'QOI', endings: ['qoi'], matches: starts('qoif') },
  { name: 'FLIF', endings: ['flif'], matches: starts('FLIF') },
  { name: 'MNG', endings: ['mng', 'jng'], matches: starts('\x8aMNG', '\x8bJNG') },
  { name: 'PNM', endings: ['pnm', 'ppm', 'pgm', 'pbm', 'pam'], matches: ({ head }) => /^P[1-7]\s/.test(head) },
  { name: 'PCX', endings: ['pcx'], matches: starts('\n\0\x01', '\n\x02\x01', '\n\x03\x01', '\n\x05\x01') },
  { name: 'SGI', endings: ['sgi', 'rgb'], matches: starts('\x01\xda\0', '\x01\xda\x01') },
  { name: 'FITS', endings: ['fits', 'fit'], matches: starts('SIMPLE  =') },
  { name: 'DICOM', endings: ['dcm'], matches: has(128, 'DICM') },
  { name: 'TGA', endings: ['tga'], matches: ({ bytes }) => latin1(bytes.subarray(-18)) === 'TRUEVISION-XFILE.\0' },
  { name: 'SVG', endings: ['svg'], matches: text(/^(<\?xml[^>]*>\s*)?(<!(--|doctype)[^>]*>\s*)*<svg[\s>]/i) },

  { name: 'a video (QuickTime)', matches: file => brand('qt  ')(file) || has(4, 'moov', 'mdat', 'wide')(file) },
  { name: 'a video (MP4)', matches: ({ brands }) => brands.length > 0 },
  { name: 'a video (AVI)', matches: riff('AVI ') },
  { name: 'a video (WebM or Matroska)', matches: starts('\x1a\x45\xdf\xa3') },
  { name: 'a video (MPEG)', matches: starts('\0\0\x01\xba', '\0\0\x01\xb3') },
  { name: 'a video (MPEG)', matches: ({ head }) => [0, 188, 376].every(at => head[at] === 'G') },
  { name: 'a video (Windows Media)', matches: starts('\x30\x26\xb2\x75\x8e\x66\xcf\x11') },
  { name: 'a video (Flash)', matches: starts('FLV\x01') },
  { name: 'a video or sound (Ogg)', matches: starts('OggS') },

  { name: 'a PDF document', matches: starts('%PDF-') },
  { name: 'a PostScript document', matches: starts('%!PS', '\xc5\xd0\xd3\xc6') },
  { name: 'an archive (ZIP)', matches: starts('PK\x03\x04', 'PK\x05\x06') },
  { name: 'an archive (gzip)', matches: starts('\x1f\x8b') },
  { name: 'an archive (7-Zip)', matches: starts('7z\xbc\xaf\x27\x1c') },
  { name: 'an archive (RAR)', matches: starts('Rar!\x1a\x07') },
  { name: 'an archive (tar)', matches: has(257, 'ustar') },
  { name: 'thumbnails or a document of Windows', matches: starts('\xd0\xcf\x11\xe0') },
  { name: 'a database (SQLite)', matches: starts('SQLite format 3\0') },
  { name: 'an array (npy)', read: 'npy', matches: starts('\x93NUMPY') },
  { name: 'a pointer of Git LFS, not the file that it stands for', matches: starts('version https://git-lfs') },
  { name: 'a web page', matches: text(/^(<\?xml[^>]*>\s*)?(<!--[^>]*>\s*)*<(!doctype html|html|head|body)\b/i) },
  { name: 'notes of a photo program (XMP)', matches: text(/^(<\?xml[^>]*>\s*)?<(\?xpacket|x:xmpmeta)/i) },
  { name: 'XML', matches: text(/^<\?xml/i) },
  { name: 'zeros alone: a file that was not copied to its end', matches: ({ head }) => /^\0+$/.test(head) },
  { name: 'a text', matches: file => isText(file) },
];

/** 'JPEG, PNG, WebP, GIF, TIFF or AVIF', for messages. Arrays are formats of programs, not of people. */
export const READ_FORMATS = listReadFormats();

/** Endings of names of pictures, in lower case, whether or not they are read. */
export const PICTURE_ENDINGS: ReadonlySet<string> = new Set(ROWS.flatMap(({ endings = [] }) => endings));

/** Undefined if no row of the table matches. */
export function tellFormat(bytes: Uint8Array): FileFormat | undefined {
  let directories: readonly TiffDirectory[] | undefined;
  const head = latin1(bytes.subarray(0, HEAD_BYTES));
  const file: File = {
    bytes,
    head,
    brands: readBrands(head),
    directories: () => {
      directories ??= readTiffDirectories(bytes);
      return directories;
    },
  };
  return ROWS.find(row => row.matches(file));
}

function listReadFormats(): string {
  const names = ROWS.flatMap(({ name, read }) => (read === undefined || read === 'npy' ? [] : [name]));
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

/** The box `ftyp`: size, 'ftyp', major brand, version, compatible brands. */
function readBrands(head: string): readonly string[] {
  if (!head.startsWith('ftyp', 4)) return [];
  const size = Buffer.from(head.slice(0, 4), 'latin1').readUInt32BE();
  const rest = head.slice(16, Math.max(16, size)).match(/.{4}/gs) ?? [];
  return [head.slice(8, 12), ...rest];
}

function isText({ bytes, head }: File): boolean {
  const part = bytes.subarray(0, HEAD_BYTES);
  // The end of the part may cut a character.
  const cuts = bytes.length > HEAD_BYTES ? [0, 1, 2, 3] : [0];
  const isUnicode = cuts.some(bytesLess => isUtf8(part.subarray(0, part.length - bytesLess)));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text has no others
  return head !== '' && isUnicode && !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(head);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Whether the name ends as those of pictures that are read. The bytes may be something else. */
export function isPictureName(name: string): boolean {
  const ending = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase();
  return ending !== undefined && ROWS.some(({ read, endings = [] }) => read !== undefined && endings.includes(ending));
}
