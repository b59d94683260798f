import { expect, test } from 'vitest';
import { PICTURE_ENDINGS, READ_FORMATS, tellFormat } from './file-format.ts';
import { packTar } from './tar.ts';
import { makeTiff, rgbPart } from './testing/make-tiff.ts';

const latin1 = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), Buffer.alloc(64, 1)]);
const at = (offset: number, text: string) => Buffer.concat([Buffer.alloc(offset, 1), latin1(text)]);
const ftyp = (...brands: readonly string[]) => {
  const [major = '', ...others] = brands;
  const size = Buffer.alloc(4);
  size.writeUInt32BE(16 + 4 * others.length);
  return Buffer.concat([size, latin1(`ftyp${major}\0\0\0\0${others.join('')}`)]);
};
const dib = (size: number) => Buffer.concat([Buffer.from('BM'), Buffer.alloc(12), Buffer.of(size), Buffer.alloc(60)]);
/** A raw photograph as cameras write it: a preview, and below it the values of the sensor. */
const rawOf = (make: string, sensor = { 262: 32803 }) =>
  makeTiff([{ ...rgbPart(64, 48, { 254: 1, 271: make }), below: [rgbPart(160, 120, sensor)] }]);

test.each<readonly [string, Uint8Array]>([
  ['JPEG', latin1('\xff\xd8\xff\xe0')],
  ['JPEG-LS', latin1('\xff\xd8\xff\xf7')],
  ['PNG', latin1('\x89PNG\r\n\x1a\n')],
  ['GIF', latin1('GIF89a')],
  ['WebP', latin1('RIFF\0\0\0\0WEBPVP8 ')],
  ['TIFF', makeTiff([rgbPart(4, 3)])],
  ['TIFF', makeTiff([rgbPart(4, 3)], { big: true })],
  ['TIFF', makeTiff([rgbPart(4, 3), rgbPart(4, 3)])],
  // A pyramid: first the picture, then smaller copies.
  ['TIFF', makeTiff([{ ...rgbPart(64, 48), below: [rgbPart(32, 24, { 254: 1 })] }])],
  ['TIFF', makeTiff([rgbPart(64, 48, { 271: 'NIKON' })])],
  ['a TIFF that begins with a small copy of its picture', makeTiff([rgbPart(8, 6, { 254: 1 }), rgbPart(64, 48)])],
  ['a raw photograph (DNG)', makeTiff([rgbPart(4, 3, { 50706: 0x401 })])],
  ['a raw photograph (DNG)', rawOf('SONY', { 50706: 0x401 } as never)],
  ['a raw photograph (NEF)', rawOf('NIKON CORPORATION')],
  ['a raw photograph (ARW)', rawOf('SONY', { 259: 32767 } as never)],
  ['a raw photograph (PEF)', rawOf('PENTAX', { 259: 65535 } as never)],
  ['a raw photograph (PEF)', rawOf('RICOH IMAGING COMPANY, LTD.')],
  ['a raw photograph (SRW)', rawOf('SAMSUNG')],
  ['a raw photograph (3FR)', rawOf('Hasselblad')],
  ['a raw photograph (IIQ)', rawOf('Phase One')],
  ['a raw photograph (in a TIFF)', rawOf('')],
  ['a raw photograph (in a TIFF)', rawOf('Unheard of', { 262: 34892 })],
  ['a raw photograph (CR2)', latin1('II*\0\x10\0\0\0CR\x02\0')],
  ['a raw photograph (CR3)', ftyp('crx ', 'crx ', 'isom')],
  ['a raw photograph (CRW)', latin1('II\x1a\0\0\0HEAPCCDR')],
  ['a raw photograph (RAF)', latin1('FUJIFILMCCD-RAW 0201')],
  ['a raw photograph (ORF)', latin1('IIRO\x08\0\0\0')],
  ['a raw photograph (RW2)', latin1('IIU\0\x18\0\0\0')],
  ['a raw photograph (X3F)', latin1('FOVb')],
  ['a raw photograph (MRW)', latin1('\0MRM')],
  ['AVIF', ftyp('avif', 'mif1', 'miaf')],
  ['AVIF', ftyp('mif1', 'avif')],
  ['AVIF', ftyp('avif', 'avis', 'msf1')],
  ['an animation in AVIF', ftyp('avis', 'avif', 'msf1')],
  ['HEIC', ftyp('heic', 'mif1', 'heic')],
  ['HEIC', ftyp('mif1', 'heic')],
  ['HEIC', ftyp('hevc')],
  ['HEIF', ftyp('mif1', 'miaf')],
  ['JPEG XL', latin1('\xff\x0a')],
  ['JPEG XL', latin1('\0\0\0\x0cJXL \r\n\x87\n')],
  ['JPEG 2000', latin1('\0\0\0\x0cjP  \r\n\x87\n')],
  ['JPEG 2000', latin1('\xff\x4f\xff\x51')],
  ['JPEG XR', latin1('II\xbc\x01')],
  ['BMP', dib(40)],
  ['BMP', dib(124)],
  ['ICO', latin1('\0\0\x01\0\x01\0\x10\x10')],
  ['PSD', latin1('8BPS\0\x01')],
  ['XCF', latin1('gimp xcf v011')],
  ['OpenEXR', latin1('\x76\x2f\x31\x01')],
  ['Radiance HDR', latin1('#?RADIANCE\n')],
  ['DDS', latin1('DDS |')],
  ['QOI', latin1('qoif')],
  ['FLIF', latin1('FLIF3')],
  ['MNG', latin1('\x8aMNG\r\n\x1a\n')],
  ['PNM', latin1('P6\n2 2\n255\n')],
  ['PCX', latin1('\n\x05\x01\x08')],
  ['SGI', latin1('\x01\xda\x01\x01')],
  ['FITS', latin1('SIMPLE  =                    T')],
  ['DICOM', at(128, 'DICM')],
  ['TGA', Buffer.concat([Buffer.alloc(60, 3), Buffer.from('TRUEVISION-XFILE.\0')])],
  ['SVG', Buffer.from('\ufeff<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="x"/>')],
  ['SVG', Buffer.from('<svg/>'.replace('/', ' /'))],
  ['a video (QuickTime)', ftyp('qt  ')],
  ['a video (MP4)', ftyp('isom', 'mp42')],
  ['a video (AVI)', latin1('RIFF\0\0\0\0AVI LIST')],
  ['a video (WebM or Matroska)', latin1('\x1a\x45\xdf\xa3')],
  ['a video (MPEG)', latin1('\0\0\x01\xba')],
  ['a video (Windows Media)', latin1('\x30\x26\xb2\x75\x8e\x66\xcf\x11')],
  ['a video or sound (Ogg)', latin1('OggS')],
  ['a PDF document', latin1('%PDF-1.7')],
  ['an archive (ZIP)', latin1('PK\x03\x04')],
  ['an archive (tar)', packTar([['a', Buffer.from('a')]])],
  ['thumbnails or a document of Windows', Buffer.from('d0cf11e0', 'hex')],
  [
    'a pointer of Git LFS, not the file that it stands for',
    Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
  ],
  ['a web page', Buffer.from('  <!doctype html><h1>404</h1>')],
  ['a web page', Buffer.from('<html>')],
  ['notes of a photo program (XMP)', Buffer.from('<x:xmpmeta xmlns:x="adobe:ns:meta/">')],
  ['XML', Buffer.from('<?xml version="1.0"?><feed/>')],
  ['zeros alone: a file that was not copied to its end', Buffer.alloc(500)],
  ['a text', Buffer.from('# Read me\n\nThis is ünicode.')],
  ['a text', Buffer.from('é'.repeat(5000))],
])('%s is told by its bytes', (name, bytes) => {
  expect(tellFormat(bytes)?.name).toBe(name);
});

test('a file that repeats the beginning of a pattern is told in no time', () => {
  const started = performance.now();
  for (const part of ['<!---->', '<!-->', '<!doctype x>', '<?xml?>', ' ', '<!--', 'G\0', '\ufeff', '>']) {
    tellFormat(Buffer.from(part.repeat(4096 / part.length)));
    tellFormat(Buffer.from(`<?xml?>${part.repeat(4096 / part.length)}`));
  }
  expect(performance.now() - started).toBeLessThan(2000);
});

test('bytes without a meaning are of no format', () => {
  for (const bytes of [Buffer.of(7, 3, 200, 201), Buffer.from('BM, a text that begins like a bitmap \xff', 'latin1')]) {
    expect(tellFormat(bytes)).toBeUndefined();
  }
});

test('the formats that are read are listed for messages', () => {
  expect(READ_FORMATS).toBe('JPEG, PNG, WebP, GIF, TIFF or AVIF');
  for (const ending of ['jpg', 'tiff', 'heic', 'nef', 'bmp']) expect(PICTURE_ENDINGS).toContain(ending);
  for (const ending of ['txt', 'json', 'zip', 'html']) expect(PICTURE_ENDINGS).not.toContain(ending);
});
