import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import type { ReadFormat } from '../../formats/file-format.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { makeTiff, rgbPart } from '../../formats/testing/make-tiff.ts';
import {
  coverRgb,
  decodeRgb,
  encodePng,
  encodeThumbnail,
  probeImage,
  renderSvgPng,
  renderSvgRgb,
  squashRgb,
} from './image.ts';
import { DEFAULT_LIMITS, NO_LIMITS } from './limits.ts';
import type { RgbImage } from './planar.ts';

const read = (name: string) => readFile(new URL(`./testdata/${name}`, import.meta.url));

/** Unless stated, a test picture is 48 x 32: red (200, 30, 20) on the left, blue (20, 40, 210) on the right. */
function colorAt({ data, width }: RgbImage, x: number, y: number): number[] {
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

function expectColor(actual: number[], expected: readonly number[], tolerance: number): void {
  for (const [channel, value] of expected.entries()) {
    expect(Math.abs((actual[channel] ?? Number.NaN) - value), `${actual} against ${expected}`).toBeLessThanOrEqual(
      tolerance,
    );
  }
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Unprocessable)) throw new Error(`expected a refusal, got ${String(error)}`);
  return error.message;
}

describe('accepted pictures', () => {
  test('a CMYK JPEG becomes sRGB', async () => {
    const bytes = await read('cmyk.jpg');
    expect(await probeImage(bytes)).toMatchObject({ format: 'jpeg', space: 'cmyk', width: 48, height: 32 });
    const image = await decodeRgb(bytes);
    // CMYK holds fewer colours. This only checks that they are not inverted.
    expectColor(colorAt(image, 5, 16), [200, 30, 20], 60);
    expectColor(colorAt(image, 43, 16), [20, 40, 210], 80);
  });

  test('a 16-bit PNG with alpha becomes 8 bits over white', async () => {
    const bytes = await read('rgba-16-bit.png');
    expect(await probeImage(bytes)).toMatchObject({ depth: 'ushort', alpha: true });
    const image = await decodeRgb(bytes);
    expectColor(colorAt(image, 5, 16), [60000 / 257, 10000 / 257, 50], 1);
    expect(colorAt(image, 43, 16)).toEqual([255, 255, 255]);
  });

  test('an animated GIF gives its first frame and its number of frames', async () => {
    const bytes = await read('animated.gif');
    expect(await probeImage(bytes)).toMatchObject({ format: 'gif', pages: 2, width: 48, height: 32 });
    const image = await decodeRgb(bytes);
    expect(image).toMatchObject({ width: 48, height: 32 });
    expectColor(colorAt(image, 24, 16), [220, 20, 20], 4);
  });

  test('EXIF orientation turns the picture: left goes up', async () => {
    const bytes = await read('oriented-6.jpg');
    expect(await probeImage(bytes)).toMatchObject({ orientation: 6, width: 32, height: 48 });
    const image = await decodeRgb(bytes);
    expect(image).toMatchObject({ width: 32, height: 48 });
    expectColor(colorAt(image, 16, 5), [200, 30, 20], 8);
    expectColor(colorAt(image, 16, 43), [20, 40, 210], 8);
  });

  test('a Display P3 profile is converted to sRGB', async () => {
    const image = await decodeRgb(await read('display-p3.png'));
    expectColor(colorAt(image, 5, 16), [200, 30, 20], 3);
    expectColor(colorAt(image, 43, 16), [20, 40, 210], 3);
  });
});

/** 16 x 24 pixels of one colour. */
const AVIF = Buffer.from(
  'AAAAHGZ0eXBhdmlmAAAAAG1pZjFhdmlmbWlhZgAAANZtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAA' +
    'AERAAAEAAQAAAAAA+gABAAAAAAAAACQAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABhdjAxAAAAAA5waXRtAAAAAAABAAAAVmlwcnAAAAA4' +
    'aXBjbwAAAAxhdjFDgSACAAAAABRpc3BlAAAAAAAAABAAAAAYAAAAEHBpeGkAAAAAAwgICAAAABZpcG1hAAAAAAAAAAEAAQOBAgMAAAAsbWRhdBIA' +
    'Cgg4DT7tICGg0jIWGUJjBMAANAAAqmJce9EHMy8FOSMOFg==',
  'base64',
);

test('every format that is said to be read is read', async () => {
  const square: RgbImage = { width: 16, height: 24, data: new Uint8Array(16 * 24 * 3).fill(90) };
  const samples: Readonly<Record<ReadFormat, readonly Uint8Array[]>> = {
    jpeg: [await read('oriented-6.jpg')],
    png: [await encodePng(square)],
    webp: [await encodeThumbnail(square, 24)],
    gif: [await read('animated.gif')],
    tiff: [makeTiff([rgbPart(16, 24)]), makeTiff([rgbPart(16, 24)], { big: true })],
    avif: [AVIF],
    npy: [encodeNpy({ dtype: 'u8', shape: [3, 16, 16], data: new Uint8Array(3 * 16 * 16) })],
  };
  for (const [format, files] of Object.entries(samples)) {
    for (const file of files) {
      expect(await probeImage(file)).toMatchObject({ format });
      expect(await decodeRgb(file), format).toMatchObject({ width: expect.any(Number) });
    }
  }
});

test('a picture beyond the default limits is scaled when it is told that limits were checked', async () => {
  const limits = { ...DEFAULT_LIMITS, maxPixels: 1000 };
  const png = await read('display-p3.png');
  expect(await reasonOf(coverRgb(png, 8, 8, limits))).toMatch(/limit/);
  expect(await coverRgb(png, 8, 8, NO_LIMITS)).toMatchObject({ width: 8, height: 8 });
});

describe('refused pictures', () => {
  test.each([
    ['a text file', Buffer.from('hello, I am not a picture'), /^a text, by its content/],
    ['an SVG from outside', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /^SVG, by its content/],
    ['an empty file', Buffer.alloc(0), /empty/],
    ['a PNG of its signature alone', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), /does not decode/],
  ])('decodeRgb refuses %s with the reason', async (_, bytes, reason) => {
    expect(await reasonOf(decodeRgb(bytes))).toMatch(reason);
    expect(await reasonOf(coverRgb(bytes, 8, 8))).toMatch(reason);
  });

  test('a picture of 40,000 x 2 pixels is refused', async () => {
    expect(await reasonOf(probeImage(await read('40000x2.png')))).toBe('the picture is 40000 x 2 pixels');
  });

  test('too many pixels are refused before any is decoded', async () => {
    const limits = { maxBytes: 1e6, maxPixels: 1000, minSide: 1, maxAspect: 10 };
    expect(await reasonOf(probeImage(await read('display-p3.png'), limits))).toBe('the picture is 48 x 32 pixels');
  });

  test('a truncated JPEG is refused, also by scaling', async () => {
    const bytes = await read('truncated.jpg');
    expect(await reasonOf(decodeRgb(bytes))).toMatch(/does not decode/);
    expect(await reasonOf(squashRgb(bytes, 32, 32))).toMatch(/does not decode/);
    expect(await reasonOf(coverRgb(bytes, 16, 16))).toMatch(/does not decode/);
  });
});

describe('scaling of pictures', () => {
  const gradient: RgbImage = {
    width: 40,
    height: 20,
    data: Uint8Array.from({ length: 40 * 20 * 3 }, (_, i) => (Math.floor(i / 3) % 40) * 6),
  };

  test('a picture of the target size keeps every pixel', async () => {
    const same = await coverRgb(await encodePng(gradient), 40, 20);
    expect(Buffer.from(same.data).equals(Buffer.from(gradient.data))).toBe(true);
  });

  test('coverRgb scales to cover the target, then crops about the centre', async () => {
    const square = await coverRgb(await encodePng(gradient), 20, 20);
    expect(square).toMatchObject({ width: 20, height: 20 });
    expect(colorAt(square, 0, 10)[0]).toBe(10 * 6);
    expect(colorAt(square, 19, 10)[0]).toBe(29 * 6);
  });

  test('coverRgb gives exactly the asked size for odd sizes', async () => {
    const png = await encodePng(gradient);
    for (const [width, height] of [
      [33, 7],
      [7, 33],
      [64, 64],
      [1, 1],
    ] as const) {
      expect(await coverRgb(png, width, height)).toMatchObject({ width, height });
    }
  });
});

test('a PNG decodes to the encoded pixels, and encoding repeats its bytes', async () => {
  const image = await renderSvgRgb(
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="5"><rect width="9" height="5" fill="#0a6480"/></svg>',
  );
  expect(image).toMatchObject({ width: 9, height: 5 });
  expect(colorAt(image, 8, 4)).toEqual([10, 100, 128]);
  const png = await encodePng(image);
  expect(Buffer.from(await encodePng(image)).equals(Buffer.from(png))).toBe(true);
  expect(Buffer.from((await decodeRgb(png, { maxBytes: 1e6, maxPixels: 1e6, minSide: 1, maxAspect: 9 })).data)).toEqual(
    Buffer.from(image.data),
  );
});

test('an SVG is drawn at the size that it states', async () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 2" width="64" height="64"><circle r="1"/></svg>';
  expect(await probeImage(await renderSvgPng(svg))).toMatchObject({ width: 64, height: 64 });
});
