/**
 * @file A folder of more than 500 files that mean no good: damaged, disguised, far too large, oddly named, or no files
 * at all. Always the same ones.
 */
import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

type Format = 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' | 'avif';
const FORMATS: readonly Format[] = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'];

/** Equal numbers for equal seeds. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed + 1; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 8;
  }
}

function draw(seed: number, width = 40, height = 32) {
  const numbers = random(seed);
  const [a, b, c] = [numbers.next().value % 97, numbers.next().value % 89, numbers.next().value % 251];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * (a + 1) + (i >> 5) * b + c) % 256);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function encode(format: Format, seed: number): Promise<Buffer> {
  const effort = format === 'avif' ? { effort: 0 } : {};
  return draw(seed).toFormat(format, effort).toBuffer();
}

/** Bytes by name. Names are bytes, too. */
type Files = [name: string | Buffer, bytes: Uint8Array | string][];

/** Writes the folder. @returns The number of its entries, without subfolders. */
export async function writeHostileFiles(folder: string, outside: string): Promise<number> {
  const files: Files = [
    ...(await damaged()),
    ...disguised(),
    ...(await polyglots()),
    ...bombs(),
    ...(await rareKinds()),
    ...(await badExif()),
    ...(await oddNames()),
    ...(await badCaptions()),
    ...(await badShapes()),
    ...magicWithNoise(),
  ];
  await mkdir(join(folder, 'below'), { recursive: true });
  await Promise.all(
    files.map(([name, bytes]) =>
      writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name as string)]), bytes),
    ),
  );
  return files.length + (await noFiles(folder, outside));
}

async function damaged(): Promise<Files> {
  const files: Files = [];
  for (const [number, format] of FORMATS.entries()) {
    const whole = await encode(format, number);
    for (let part = 0; part < 16; part++) {
      files.push([`cut-${format}-${part}.${format}`, whole.subarray(0, Math.floor((whole.length * part) / 16))]);
    }
    const numbers = random(number);
    for (let i = 0; i < 14; i++) {
      const broken = Buffer.from(whole);
      for (let n = 0; n < 1 + i; n++) broken[numbers.next().value % broken.length] = numbers.next().value & 0xff;
      files.push([`flip-${format}-${i}.${format}`, broken]);
    }
  }
  return files;
}

function disguised(): Files {
  const texts: Readonly<Record<string, string>> = {
    html: '<!doctype html><script>alert(1)</script>',
    svg: '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
    xml: '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
    pdf: '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj',
    shell: '#!/bin/sh\nrm -rf /\n',
    postscript: '%!PS-Adobe-3.0\n(/etc/passwd) run',
    mvg: 'push graphic-context\nfill url(https://127.0.0.1/x.jpg"|ls "-la)\npop graphic-context',
    json: '{"__proto__": {"polluted": true}}',
  };
  const heads: Readonly<Record<string, string>> = {
    exe: 'MZ\x90\x00\x03',
    elf: '\x7fELF\x02\x01',
    zip: 'PK\x03\x04\x14\x00',
    bmp: 'BM\x46\x00\x00\x00',
    psd: '8BPS\x00\x01',
    heic: '\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic',
    mp4: '\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2',
    jxl: '\xff\x0aabc',
    jp2: '\x00\x00\x00\x0cjP  \r\n\x87\n',
    ico: '\x00\x00\x01\x00\x01\x00',
    gzip: '\x1f\x8b\x08\x00',
    exr: '\x76\x2f\x31\x01',
  };
  const endings = ['jpg', 'png', 'webp'];
  const all = [
    ...Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)] as const),
    ...Object.entries(heads).map(([name, head]) => [name, Buffer.from(head + '\0'.repeat(60), 'latin1')] as const),
  ];
  return [
    ...all.flatMap(([name, bytes]): Files => endings.map(ending => [`${name}-as.${ending}`, bytes])),
    ...endings.map((ending, i): Files[number] => [`empty-${i}.${ending}`, '']),
    ...['nothing', 'nothing.bin', 'Thumbs.db', '.hidden.png', '.DS_Store'].map((name): Files[number] => [name, '']),
  ];
}

async function polyglots(): Promise<Files> {
  const files: Files = [];
  for (const [i, format] of FORMATS.entries()) {
    const whole = await encode(format, 100 + i);
    const tails = ['<script>alert(1)</script>', 'PK\x03\x04 a zip at the end', '<?php system($_GET[0]); ?>'];
    for (const [n, tail] of tails.entries()) {
      files.push([`tail-${format}-${n}.${format}`, Buffer.concat([whole, Buffer.from(tail, 'latin1')])]);
    }
    // Under the name of another format.
    files.push([`wrong-ending-${format}.${FORMATS[(i + 1) % FORMATS.length]}`, await encode(format, 120 + i)]);
  }
  files.push(['code.gif', 'GIF89a/*\x00\x00\x00*/=1;alert(1)//']);
  return files;
}

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}

/** A PNG of one bit per pixel that says it has this size. */
function png(width: number, height: number, pixels: Uint8Array, more: readonly Buffer[] = []): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width >>> 0);
  header.writeUInt32BE(height >>> 0, 4);
  header[8] = 1;
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...more,
    chunk('IDAT', pixels),
    chunk('IEND', new Uint8Array()),
  ]);
}

function bombs(): Files {
  const zeros = deflateSync(new Uint8Array(16 * 2 ** 20));
  const little = deflateSync(new Uint8Array(5 * 32));
  const sides = [0, 1, 16_385, 65_535, 100_000, 1_000_000, 2 ** 31 - 1, 2 ** 32 - 1];
  const files: Files = sides.flatMap(
    (side, i): Files => [
      [`bomb-square-${i}.png`, png(side, side, zeros)],
      [`bomb-wide-${i}.png`, png(side, 32, little)],
      [`bomb-high-${i}.png`, png(32, side, little)],
    ],
  );
  // Compressed texts and a profile of 16 megabytes in a small picture.
  const said = Buffer.concat([Buffer.from('Comment\0\0', 'latin1'), zeros]);
  for (const type of ['zTXt', 'iCCP']) files.push([`bomb-${type}.png`, png(32, 32, little, [chunk(type, said)])]);
  const gif = Buffer.from('GIF89a\xff\xff\xff\xff\x80\x00\x00\0\0\0\xff\xff\xff', 'latin1');
  const frame = Buffer.from(',\0\0\0\0\xff\xff\xff\xff\0\x02\x02D\x01\0', 'latin1');
  for (const count of [1, 50, 5000]) {
    files.push([`bomb-${count}.gif`, Buffer.concat([gif, ...Array.from({ length: count }, () => frame)])]);
  }
  const sof = (height: number, width: number) =>
    Buffer.from([
      0xff,
      0xc0,
      0,
      17,
      8,
      height >> 8,
      height & 255,
      width >> 8,
      width & 255,
      3,
      1,
      0x22,
      0,
      2,
      0x11,
      1,
      3,
    ]);
  for (const [i, side] of [0, 1, 65_500, 65_535].entries()) {
    const head = Buffer.from('\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 'latin1');
    files.push([`bomb-${i}.jpg`, Buffer.concat([head, sof(side, side), Buffer.from([0x11, 1, 0xff, 0xd9])])]);
  }
  // TIFFs whose directories go round in a circle, point nowhere, or say that they have four billion entries.
  for (const [i, [offset, count, next]] of [
    [8, 1, 8],
    [8, 0, 8],
    [0xffff_fff0, 1, 0],
    [8, 65_535, 0xffff_ffff],
    [0, 1, 0],
  ].entries()) {
    const tiff = Buffer.alloc(64);
    tiff.write('II*\0', 'latin1');
    tiff.writeUInt32LE(offset ?? 0, 4);
    tiff.writeUInt16LE(count ?? 0, 8);
    tiff.writeUInt32LE(next ?? 0, 22);
    files.push([`circle-${i}.tif`, tiff]);
  }
  return files;
}

async function rareKinds(): Promise<Files> {
  const files: Files = [];
  const picture = (seed: number) => draw(200 + seed);
  files.push(['cmyk.jpg', await picture(1).toColourspace('cmyk').jpeg().toBuffer()]);
  files.push(['sixteen.png', await picture(2).toColourspace('rgb16').png().toBuffer()]);
  files.push(['grey.jpg', await picture(3).greyscale().jpeg().toBuffer()]);
  files.push(['palette.png', await picture(4).png({ palette: true, colours: 2 }).toBuffer()]);
  files.push(['alpha.webp', await picture(5).ensureAlpha(0.3).webp({ lossless: true }).toBuffer()]);
  files.push(['progressive.jpg', await picture(6).jpeg({ progressive: true }).toBuffer()]);
  files.push(['float.tif', await picture(7).toColourspace('scrgb').tiff().toBuffer()]);
  files.push(['tiled.tif', await picture(8).tiff({ tile: true, pyramid: true }).toBuffer()]);
  const strip = await draw(209, 24, 96).png().toBuffer();
  files.push(['animated.gif', await sharp(strip, { pages: 1 }).gif().toBuffer()]);
  files.push(['animated.webp', await sharp(strip).webp({ loop: 0 }).toBuffer()]);
  return files;
}

async function badExif(): Promise<Files> {
  const files: Files = [];
  for (let i = 0; i < 24; i++) {
    const exif = Buffer.alloc(64);
    exif.write('Exif\0\0II*\0', 'latin1');
    const numbers = random(300 + i);
    exif.writeUInt32LE([8, 0, 0xffff_ffff, 60][i % 4] ?? 8, 10);
    exif.writeUInt16LE([1, 0, 65_535][i % 3] ?? 1, 14);
    exif.writeUInt16LE(0x0112, 16);
    exif.writeUInt16LE([3, 2, 99][i % 3] ?? 3, 18);
    exif.writeUInt32LE([1, 0, 0xffff_ffff][i % 3] ?? 1, 20);
    exif.writeUInt32LE([0, 9, 255, 6][i % 4] ?? numbers.next().value, 24);
    const whole = await draw(300 + i)
      .jpeg()
      .toBuffer();
    const length = Buffer.from([0xff, 0xe1, 0, [66, 2, 255][i % 3] ?? 66]);
    files.push([`exif-${i}.jpg`, Buffer.concat([whole.subarray(0, 2), length, exif, whole.subarray(2)])]);
  }
  return files;
}

async function oddNames(): Promise<Files> {
  const names: readonly string[] = [
    ...['new\nline', 'tab\tstop', 'bell\x07', 'esc\x1b[31mred', 'back\\slash', "quote'", 'double"quote', 'percent%00'],
    ...['-rf', '--help', ' leading', 'trailing ', 'two  blanks', 'a;b', 'a|b', 'a&b', '$(id)', '`id`', '$HOME'],
    ...['<img src=x onerror=alert(1)>', '{{7*7}}', "' or 1=1 --", '__proto__', 'constructor', 'CON', 'nul.tar'],
    ...[
      '\u202egnp.exe',
      '\u200bnothing',
      '\ufeffmark',
      'e\u0301 apart',
      '\u00e9 composed',
      '\ud83e\udd8a',
      'a'.repeat(240),
    ],
    ...['caf\u00e9', '\u732b', '..', 'a..b', '*', '?', '#', '~', '%2e%2e%2f', 'http:', 'a=b', '[0]', '{a,b}'],
  ];
  const files: Files = [];
  for (const [i, name] of names.entries())
    files.push([`${name === '..' ? 'dots..' : name}.png`, await encode('png', 400 + i)]);
  for (const [i, bytes] of [[0xe9], [0xff, 0xfe], [0xc0, 0xaf], [0xed, 0xa0, 0x80]].entries()) {
    const name = Buffer.concat([Buffer.from('raw-'), Buffer.from(bytes), Buffer.from('.png')]);
    files.push([name, await encode('png', 460 + i)]);
  }
  return files;
}

async function badCaptions(): Promise<Files> {
  const captions: readonly Uint8Array[] = [
    Buffer.from('caf\xe9', 'latin1'),
    Buffer.from([0xff, 0xfe, 0x61, 0]),
    Buffer.from([0xfe, 0xff, 0, 0x61]),
    Buffer.from([0xff, 0xfe, 0x61]),
    Buffer.from([0xed, 0xa0, 0x80]),
    Buffer.from([0xc0, 0x80]),
    Buffer.from('nul\0nul'),
    Buffer.from('\x1b]0;title\x07'),
    Buffer.from('\u202etxet'),
    Buffer.alloc(3 * 2 ** 20, 0x61),
    Buffer.from('</script><img src=x onerror=alert(1)>'),
    Buffer.alloc(0),
    Buffer.from('   \n \t '),
    Buffer.from([0x89, 0x50, 0x4e, 0x47]),
  ];
  const files: Files = [];
  for (const [i, caption] of captions.entries()) {
    files.push([`said-${i}.png`, await encode('png', 500 + i)], [`said-${i}.txt`, caption]);
  }
  files.push(['metadata.jsonl', '{"file_name": "../../etc/passwd", "text": "x"}\n{"file_name": 7}\nno json\n']);
  files.push(['alone.txt', 'the text of no picture'], ['broken.json', '{"caption": ']);
  files.push(['deep.json', '['.repeat(100_000)], ['table.csv', 'file_name,text\n"unclosed']);
  return files;
}

async function badShapes(): Promise<Files> {
  const files: Files = [];
  for (const [i, [width, height]] of [
    ...([
      [1, 1],
      [1, 400],
      [400, 1],
      [15, 15],
      [15, 400],
      [16, 129],
      [16, 128],
      [2000, 16],
      [3, 3],
      [5000, 2],
    ] as const),
  ].entries()) {
    files.push([
      `shape-${width}x${height}.png`,
      await draw(600 + i, width, height)
        .png()
        .toBuffer(),
    ]);
  }
  // The same bytes under several names.
  const same = await encode('png', 620);
  for (let i = 0; i < 8; i++) files.push([`same-${i}.png`, same]);
  return files;
}

/** The first bytes of each format, and then anything. */
function magicWithNoise(): Files {
  const magics = ['\xff\xd8\xff\xe0', '\x89PNG\r\n\x1a\n', 'RIFF\x40\0\0\0WEBPVP8 ', 'GIF87a', 'MM\0*', 'II+\0'];
  return [...magics, '\0\0\0\x1cftypavif\0\0\0\0avifmif1'].flatMap(
    (magic, kind): Files =>
      Array.from({ length: 10 }, (_, i) => {
        const numbers = random(700 + 10 * kind + i);
        const noise = Buffer.from(Array.from({ length: 40 * i }, () => numbers.next().value & 0xff));
        return [`noise-${kind}-${i}.png`, Buffer.concat([Buffer.from(magic, 'latin1'), noise])];
      }),
  );
}

/** Links, pipes and devices. @returns Their number. */
async function noFiles(folder: string, outside: string): Promise<number> {
  const links: readonly (readonly [name: string, target: string])[] = [
    ['link-dangling.png', 'nowhere.png'],
    ['link-itself.png', 'link-itself.png'],
    ['link-circle-a.png', 'link-circle-b.png'],
    ['link-circle-b.png', 'link-circle-a.png'],
    ['link-outside.png', join(outside, 'secret.png')],
    ['link-passwd.png', '/etc/passwd'],
    ['link-zero.png', '/dev/zero'],
    ['link-up', '..'],
    ['link-here', '.'],
    ['below/link-above', '..'],
    ['link-inside.png', 'same-0.png'],
  ];
  await writeFile(join(outside, 'secret.png'), await encode('png', 999));
  await Promise.all(links.map(([name, target]) => symlink(target, join(folder, name))));
  const pipes = ['pipe.png', 'pipe.txt', 'below/pipe.jpg'];
  await promisify(execFile)(
    'mkfifo',
    pipes.map(name => join(folder, name)),
  );
  return links.length + pipes.length;
}
