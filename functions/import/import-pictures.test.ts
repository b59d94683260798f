import { describe, expect, test } from 'vitest';
import type { OldEncoding } from '../../formats/decode-text.ts';
import { packTar } from '../../formats/tar.ts';
import { groupRejects } from '../datasets/rejects-by-reason.ts';
import { findPictures } from './import-pictures.ts';
import { openTar } from './import-source.ts';
import { Unreadable } from './read-failure.ts';

const FOX = 'a red fox on green grass';
const NICE = 'a café’s terrace – “nice”';
const NICE_IN_1252 = Buffer.from(
  [...NICE].map(char => ({ '’': 0x92, '–': 0x96, '“': 0x93, '”': 0x94 })[char] ?? char.charCodeAt(0)),
);

/** Bytes that are taken for a PNG by their beginning; equal seeds are equal pictures. */
const png = (seed: number | string) => Buffer.from(`\x89PNG\r\n\x1a\n${seed}`, 'latin1');
const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

/** Names ending in .png or .jpg, of distinct pictures. */
const pictures = (...names: string[]) => names.map((name): readonly [string, Uint8Array] => [name, png(name)]);

async function find(files: Iterable<readonly [name: string, content: string | Uint8Array]>, encoding?: OldEncoding) {
  const tar = packTar([...files].map(([name, content]) => [name, Buffer.from(content as string)] as const));
  let done = 0;
  const source = openTar(tar);
  const found = await findPictures(
    source,
    { encoding },
    {
      progress: count => expect(count).toBe(++done),
    },
  );
  expect(done).toBe(source.files.length);
  return {
    captions: Object.fromEntries(found.pictures.map(({ name, attributes }) => [name, attributes?.caption])),
    attributes: Object.fromEntries(found.pictures.map(({ name, attributes }) => [name, attributes])),
    rejects: Object.fromEntries(found.rejects.map(({ name, reason }) => [name, reason])),
    notes: found.noted.flatMap(({ code, items }) => items.map(({ name, text }) => `${code} ${name}: ${text}`)),
  };
}

describe('captions in other encodings', () => {
  test('UTF-16 is decoded and noted; UTF-8 beside it stays as it is', async () => {
    const found = await find([
      ...pictures('le.png', 'be.png', 'utf8.png', 'mark.png'),
      ['le.txt', utf16(FOX)],
      ['be.txt', utf16(FOX).swap16()],
      ['utf8.txt', NICE],
      ['mark.txt', `\ufeff${NICE}`],
    ]);
    expect(found.captions).toEqual({ 'le.png': FOX, 'be.png': FOX, 'utf8.png': NICE, 'mark.png': NICE });
    expect(found.rejects).toEqual({});
    expect(found.notes.sort()).toEqual(['caption_decoded be.png: be.txt', 'caption_decoded le.png: le.txt']);
  });

  test('Windows-1252 is rejected with the first wrong byte, and read when the call names it', async () => {
    const files = [...pictures('a.png', 'utf8.png'), ['a.txt', NICE_IN_1252], ['utf8.txt', NICE]] as const;
    const found = await find(files);
    expect(found.captions).toEqual({ 'a.png': undefined, 'utf8.png': NICE });
    expect(found.rejects['a.txt']).toBe(
      'the text is not UTF-8: byte 6 is E9; save it as UTF-8, or name its encoding in the call, such as "caption_encoding":"windows-1252"',
    );
    const named = await find(files, 'windows-1252');
    expect(named.captions).toEqual({ 'a.png': NICE, 'utf8.png': NICE });
    expect(named.rejects).toEqual({});
    expect(named.notes).toEqual(['caption_decoded a.png: a.txt']);
  });

  test('JSON and tables in UTF-16 are read, too', async () => {
    const found = await find([
      ...pictures('a.png', 'b.png', 'c.png'),
      ['a.json', utf16(JSON.stringify({ caption: NICE }))],
      ['metadata.jsonl', utf16(`${JSON.stringify({ file_name: 'b.png', text: NICE })}\r\n`)],
      ['captions.json', utf16(JSON.stringify({ 'c.png': NICE }))],
    ]);
    expect(found.captions).toEqual({ 'a.png': NICE, 'b.png': NICE, 'c.png': NICE });
    expect(found.notes).toHaveLength(3);
  });

  test('a damaged JSON text, an endless number and an empty caption are rejected with the reason', async () => {
    const found = await find([
      ...pictures('a.png', 'b.png', 'c.png', 'd.png', 'e.png'),
      ['a.json', '{"caption":"half \\ud83e"}'],
      ['b.json', '{"caption":"ok","size":1e999}'],
      ['c.txt', ' \n\t\u3000'],
      ['d.txt', ''],
      ['e.txt', 'caf\ufffd'],
    ]);
    expect(Object.values(found.captions)).toEqual([undefined, undefined, undefined, undefined, undefined]);
    expect(found.rejects).toEqual({
      'a.json': 'a text is damaged at /caption: it has half of a character (a lone surrogate)',
      'b.json': 'a number is too large at /size',
      'c.txt': 'an empty caption',
      'd.txt': 'an empty caption',
      'e.txt':
        'the text is UTF-8, but character 4 is U+FFFD: an earlier program could not read the letter there; save it as UTF-8',
    });
  });
});

test('texts that are not used for like reasons are counted together', async () => {
  const bad = Array.from(
    { length: 30 },
    (_, i) => [`${i}.txt`, Buffer.from(`${'x'.repeat(i)}\xe9`, 'latin1')] as const,
  );
  const orphans = [1, 2].map(i => [`orphan-${i}.txt`, 'nobody'] as const);
  const { pictures: _, rejects } = await findPictures(
    openTar(packTar([...bad, ...orphans].map(([name, text]) => [name, Buffer.from(text)]))),
    {},
    { progress() {} },
  );
  expect(groupRejects(rejects)).toMatchObject([{ of: 'text', text: 'no picture has its name', count: 32 }]);
  const pairs = packTar([...pictures(...bad.map(([name]) => name.replace('.txt', '.png'))), ...bad]);
  expect(groupRejects((await findPictures(openTar(pairs), {}, { progress() {} })).rejects)).toMatchObject([
    { of: 'text', text: expect.stringContaining('not UTF-8'), count: 30 },
  ]);
});

test('a caption that may not be read is rejected with the reason, and the picture is taken', async () => {
  const file = (name: string, read: () => Promise<Uint8Array>) => ({ name, size: 9, read, readAt: read });
  const denied = Object.assign(new Error('no'), { code: 'EACCES' });
  const source = {
    files: [
      file('a.png', async () => png(1)),
      file('a.txt', () => Promise.reject(new Unreadable('a.txt', denied))),
      file('b.png', () => Promise.reject(new Unreadable('b.png', denied))),
      file('b.txt', async () => Buffer.from('of a picture that may not be read')),
    ],
    rejects: [],
    hidden: 0,
  };
  const { pictures: found, rejects } = await findPictures(source, {}, { progress() {} });
  expect(found).toMatchObject([{ name: 'a.png', attributes: undefined }]);
  expect(rejects).toEqual([
    { name: 'b.png', reason: expect.stringContaining('not readable') },
    { name: 'a.txt', reason: expect.stringContaining('not readable') },
    expect.objectContaining({ name: 'b.txt', reason: 'the text of "b.png", which is not taken' }),
  ]);
});

describe('which text belongs to which picture', () => {
  test('an equal name wins; a name that differs in case counts without a rival', async () => {
    const found = await find([
      ...pictures('A.png', 'a.png', 'B.PNG', 'Cd.png', 'cD.png'),
      ['A.txt', 'upper'],
      ['a.txt', 'lower'],
      ['b.txt', 'either'],
      ['cd.txt', 'nobody'],
    ]);
    expect(found.captions).toMatchObject({ 'A.png': 'upper', 'a.png': 'lower', 'B.PNG': 'either' });
    expect(found.captions).toMatchObject({ 'Cd.png': undefined, 'cD.png': undefined });
    expect(found.rejects).toEqual({
      'cd.txt':
        'its name differs in case or accents alone from "Cd.png", "cD.png"; give it exactly the name of its picture',
    });
  });

  test('names with composed and with decomposed accents are joined', async () => {
    const found = await find([
      ...pictures('Mu\u0308ller.png', 'caf\u00e9.png', 'U\u0308ber/x.png'),
      ['M\u00fcller.txt', 'a person'],
      ['cafe\u0301.txt', 'a place'],
      ['\u00dcber/x.txt', 'above'],
    ]);
    expect(Object.values(found.captions).sort()).toEqual(['a person', 'a place', 'above']);
    expect(found.rejects).toEqual({});
  });

  test('of equal pictures the one with a caption counts, whatever the names', async () => {
    const found = await find([
      ['IMG_1 - Copy.jpg', png(1)],
      ['IMG_1.jpg', png(1)],
      ['IMG_1.txt', 'the caption'],
      ['a.png', png(2)],
      ['picture.png', png(2)],
      ['picture.txt', 'of the longer name'],
      ['x.png', png(3)],
      ['x.txt', 'one'],
      ['y.png', png(3)],
      ['y.txt', 'another'],
      ['z.png', png(3)],
      ['z.txt', 'one'],
    ]);
    expect(found.captions).toEqual({ 'IMG_1.jpg': 'the caption', 'picture.png': 'of the longer name', 'x.png': 'one' });
    expect(found.rejects).toEqual({
      'IMG_1 - Copy.jpg': 'the same bytes as IMG_1.jpg',
      'a.png': 'the same bytes as picture.png',
      'y.png': 'the same bytes as x.png; its own caption differs and is not used',
      'z.png': 'the same bytes as x.png',
    });
  });

  test('a text that no picture gets is named with what would be read', async () => {
    const found = await find([
      ...pictures('a.png', 'cats/b.png'),
      ['film.mov', 'no picture'],
      ['film.txt', 'a film'],
      ['orphan.txt', 'nobody'],
      ['a.gif.txt', 'nobody'],
      ['cats.txt', 'two cats'],
      ['cats/B.txt', 'a cat'],
      ['cats/b.txt', 'one cat'],
      ['a.TXT', 'in capitals'],
      ['a.txt', 'in small letters'],
      ['labels.json', '{}'],
      ['train.jsonl', '{}'],
      ['metadata.tsv', 'file_name\ttext\na.png\tx'],
    ]);
    expect(found.captions).toEqual({ 'a.png': 'in small letters', 'cats/b.png': 'one cat' });
    expect(found.rejects).toEqual({
      'film.mov': expect.any(String),
      'film.txt': 'the text of "film.mov", which is not taken',
      'orphan.txt': 'no picture is called "orphan"; this would be its caption',
      'a.gif.txt': 'no picture is called "a.gif"; this would be its caption',
      'cats.txt': 'the text of a folder is not read; "cats/a.png" has its caption in "cats/a.txt"',
      'cats/B.txt': expect.stringContaining('differs in case or accents alone from "b.png"'),
      'a.TXT': '"a.txt" counts instead',
      'labels.json':
        'no picture is called "labels"; this would be its caption, and a table of captions is called metadata.jsonl, captions.json or metadata.csv',
      'train.jsonl': 'not read: a table of captions is called metadata.jsonl, captions.json or metadata.csv',
      'metadata.tsv': 'not read: a table of captions is called metadata.jsonl, captions.json or metadata.csv',
    });
  });
});

test('a table of comma-separated values is read as Hugging Face writes it, and says what is wrong', async () => {
  const lines = ['file_name,text,mood', 'a.png,"red, and ""round""",', 'sub/b.png,blue,calm', 'x.png,y', ''];
  const found = await find([
    ...pictures('a.png', 'sub/b.png'),
    ['metadata.csv', lines.join('\r\n')],
    ['sub/metadata.csv', 'name,text\nb.png,x\n'],
  ]);
  expect(found.attributes).toEqual({
    'a.png': { caption: 'red, and "round"' },
    'sub/b.png': { caption: 'blue', mood: 'calm' },
  });
  expect(found.rejects).toEqual({
    'metadata.csv': 'line 4: it has 2 fields, and the first line has 3',
    'sub/metadata.csv': 'its first line has no column "file_name"',
  });
});

describe('captions kept as other programs keep them', () => {
  test('each is read', async () => {
    const found = await find([
      ...pictures('a.png', 'b.png', 'c.png', 'd.png', 'e.png'),
      ['metadata.jsonl', `${JSON.stringify({ file_name: 'a.png', text: FOX, rating: 5 })}\n`],
      ['b.caption', FOX],
      ['c.png.txt', FOX],
      ['captions.json', JSON.stringify({ 'd.png': FOX })],
      ['e.json', JSON.stringify({ text: FOX, rating: 4 })],
    ]);
    expect(Object.values(found.captions)).toEqual([FOX, FOX, FOX, FOX, FOX]);
    expect(found.rejects).toEqual({});
    expect(found.notes).toEqual([]);
    expect(found.attributes['a.png']).toEqual({ caption: FOX, rating: 5 });
    expect(found.attributes['e.png']).toEqual({ caption: FOX, rating: 4 });
  });

  test('tables name pictures in sub-folders, and the nearest table wins', async () => {
    const row = (file_name: string, caption: string) => `${JSON.stringify({ file_name, caption })}\n`;
    const found = await find([
      ...pictures('sub/a.png', 'sub/b.png', 'sub/deep/c.png', 'd.png', 'e.jpg'),
      ['metadata.jsonl', row('sub/a.png', 'far a') + row('./sub/b.png', 'far b') + row('sub\\deep\\c.png', 'far c')],
      ['sub/captions.json', JSON.stringify({ 'a.png': 'near a', 'deep/c.png': { text: 'near c', score: 1 } })],
      [
        'captions.json',
        JSON.stringify([
          { file_name: 'D.png', text: 'd' },
          { file_name: 'e', text: 'by its stem' },
        ]),
      ],
    ]);
    expect(found.captions).toEqual({
      'sub/a.png': 'near a',
      'sub/b.png': 'far b',
      'sub/deep/c.png': 'near c',
      'd.png': 'd',
      'e.jpg': 'by its stem',
    });
    expect(found.notes).toEqual([
      'caption_conflict sub/a.png: that of sub/captions.json counts, not that of metadata.jsonl',
      'caption_conflict sub/deep/c.png: that of sub/captions.json counts, not that of metadata.jsonl',
    ]);
  });

  test('of several captions the first in the stated order counts; equal captions are no conflict', async () => {
    const order = [
      'a.png.txt',
      'a.txt',
      'a.png.caption',
      'a.caption',
      'a.png.json',
      'a.json',
      'metadata.jsonl',
      'captions.json',
    ];
    const contentOf = (name: string, caption: string) => {
      if (name === 'metadata.jsonl') return JSON.stringify({ file_name: 'a.png', caption, from: name });
      if (name === 'captions.json') return JSON.stringify({ 'a.png': { caption, last: true } });
      return name.endsWith('.json') ? JSON.stringify({ caption, from: name }) : caption;
    };
    for (let first = 0; first < order.length; first++) {
      const files = order.slice(first).map(name => [name, contentOf(name, `of ${name}`)] as const);
      const { attributes, rejects, notes } = await find([...pictures('a.png'), ...files]);
      expect(attributes['a.png']?.caption).toBe(`of ${order[first]}`);
      expect(attributes['a.png']?.last).toBe(true);
      const others = order.slice(first + 1).join(', ');
      expect(notes).toEqual(
        others === '' ? [] : [`caption_conflict a.png: that of ${order[first]} counts, not that of ${others}`],
      );
      expect(rejects).toEqual({});
    }
    const agreed = order.map(name => [name, contentOf(name, 'the same')] as const);
    const { attributes, notes } = await find([...pictures('a.png'), ...agreed]);
    expect(attributes['a.png']).toEqual({ caption: 'the same', from: 'a.png.json', last: true });
    expect(notes).toEqual([]);
  });

  test('what a table says of no picture, or wrongly, is named in its reject', async () => {
    const found = await find([
      ...pictures('a.png', 'b.png', 'c.png'),
      ['film.mov', 'no picture'],
      [
        'metadata.jsonl',
        '{"file_name":"a.png","text":"a"}\n{"file_name":"gone.png","text":"x"}\nnot JSON\n{"text":"y"}\n',
      ],
      ['captions.json', '{"b.png":["one",2],"film.mov":"a film","c.png":{"rating":1}}'],
    ]);
    expect(found.captions).toEqual({ 'a.png': 'a', 'b.png': undefined, 'c.png': undefined });
    expect(found.rejects).toMatchObject({
      'metadata.jsonl':
        'line 3: not JSON; line 4 is not an object with the key "file_name"; no picture below its folder is called "gone.png"',
      'captions.json':
        '"b.png": its "caption" is a list; expected a text, or a list of texts; "c.png": it has no key "caption" and no key "text"',
    });
    const again = await find([
      ...pictures('a.png'),
      [
        'metadata.jsonl',
        '{"file_name":"a.png","text":"1"}\n{"file_name":"./a.png","text":"2"}\n{"file_name":"a.png","text":"1"}',
      ],
    ]);
    expect(again.captions).toEqual({ 'a.png': '1' });
    expect(again.rejects['metadata.jsonl']).toBe('line 2 names "./a.png" again, with another caption');
    const twice = await find([...pictures('b.png'), ['captions.json', '{"b":"1","b.png":"2"}']]);
    expect(twice.notes).toEqual([
      'caption_conflict b.png: that of captions.json counts, not that of another entry there',
    ]);
    const list = await find([...pictures('a.png'), ['captions.json', '"a caption"']]);
    expect(list.rejects['captions.json']).toContain('expected an object');
  });

  test('attributes without a caption are taken in silence if the caption lies elsewhere, else named', async () => {
    const found = await find([
      ...pictures('a.png', 'b.png'),
      ['a.json', '{"rating":1}'],
      ['a.txt', FOX],
      ['b.json', '{"rating":2}'],
    ]);
    expect(found.attributes).toEqual({ 'a.png': { caption: FOX, rating: 1 }, 'b.png': { rating: 2 } });
    expect(found.rejects).toEqual({ 'b.json': 'it has no key "caption" and no key "text"' });
  });

  test('a caption of null or spaces gives way to the other key', async () => {
    const found = await find([
      ...pictures('a.png', 'b.png'),
      ['a.json', '{"caption":null,"text":"a"}'],
      ['b.json', '{"caption":" ","text":" b "}'],
    ]);
    expect(found.captions).toEqual({ 'a.png': 'a', 'b.png': 'b' });
  });
});
