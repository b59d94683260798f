import { describe, expect, test } from 'vitest';
import { Busy } from '../../errors.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { checkBytes, checkShape, explainDecoding, requireFormat, UnfitPicture } from './unfit-picture.ts';

function refusalOf(work: () => unknown): UnfitPicture {
  try {
    work();
  } catch (error) {
    if (error instanceof UnfitPicture) return error;
    throw error;
  }
  throw new Error('it was taken');
}

test('a file that is not read is called what it is, with the formats that are', () => {
  const page = refusalOf(() => requireFormat(Buffer.from('<!doctype html><h1>404</h1>')));
  expect(page.reason).toBe('a web page, by its content; expected JPEG, PNG, WebP, GIF, TIFF or AVIF');
  expect(page.group).toBe('a web page, which is not read');
  const heic = refusalOf(() => requireFormat(Buffer.from('\0\0\0\x14ftypheic\0\0\0\0mif1', 'latin1')));
  expect(heic.reason).toMatch(/^HEIC, by its content; expected JPEG, PNG/);
  const raw = refusalOf(() => requireFormat(Buffer.from('FUJIFILMCCD-RAW 0201')));
  expect(raw.reason).toMatch(/^a raw photograph \(RAF\), by its content; expected JPEG, PNG.+raw converter/);
  expect(refusalOf(() => requireFormat(Buffer.of(7, 3, 200))).reason).toMatch(/^a file of an unknown kind, by its/);
  expect(refusalOf(() => requireFormat(Buffer.alloc(0))).reason).toBe('the file is empty');
});

describe('a limit', () => {
  test.each([
    [12000, 9000, 'at most 100000000 pixels (max_pixels)', 'more than 100000000 pixels'],
    [15, 20, 'a shorter side of at least 16 pixels (min_side)', 'a shorter side of less than 16 pixels'],
    [
      900,
      100,
      'a longer side of at most 8 times the shorter (max_aspect)',
      'a longer side of more than 8 times the shorter',
    ],
  ])('is called one, with both numbers and its key: %i x %i', (width, height, expected, group) => {
    const refusal = refusalOf(() => checkShape({ width, height }, { ...DEFAULT_LIMITS, areKeys: true }));
    expect(refusal.reason).toBe(`the picture is ${width} x ${height} pixels; expected ${expected}`);
    expect(refusal.group).toBe(group);
  });

  test('is met by a picture of just that size', () => {
    for (const [width, height] of [
      [10_000, 10_000],
      [16, 16],
      [800, 100],
    ] as const) {
      expect(() => checkShape({ width, height }, DEFAULT_LIMITS)).not.toThrow();
    }
    expect(() => checkBytes(DEFAULT_LIMITS.maxBytes, DEFAULT_LIMITS)).not.toThrow();
  });

  test('names its key only in the answer to a call that has the key', () => {
    const hintOf = (areKeys: boolean) =>
      refusalOf(() => checkBytes(DEFAULT_LIMITS.maxBytes + 1, { ...DEFAULT_LIMITS, areKeys })).hint;
    expect([hintOf(true), hintOf(false)]).toEqual(['raise max_bytes, or make it smaller', 'make it smaller']);
    const { expected, hint } = refusalOf(() => checkShape({ width: 15, height: 20 }, DEFAULT_LIMITS));
    expect([expected, hint]).toEqual(['a shorter side of at least 16 pixels', 'change the picture']);
  });

  test('of the decoder is no damage, nor is a rare kind of a format', () => {
    for (const reason of ['heif: Security limit exceeded', 'pngload_buffer: image too large']) {
      expect(explainDecoding(new Error(reason))).toMatchObject({ group: 'beyond a limit of the decoder' });
    }
    for (const reason of [
      'Unsupported JPEG data precision 12',
      'tiff: Compression scheme is not implemented',
      'tiff2vips: ZSTD compression support is not configured',
    ]) {
      expect(explainDecoding(new Error(reason))).toMatchObject({ group: 'of a rare kind of its format' });
    }
  });
});

test('damage is called damage', () => {
  for (const reason of ['VipsJpeg: premature end of JPEG image', 'Input buffer contains unsupported image format']) {
    const refusal = explainDecoding(new Error(reason));
    expect(refusal).toMatchObject({ group: 'damaged', message: `the picture does not decode: ${reason}` });
  }
});

test('a decoding timeout is Busy, not a verdict on the picture', () => {
  expect(explainDecoding(new Error('timeout: 3% complete\nVipsImage: killed'))).toBeInstanceOf(Busy);
  expect(explainDecoding(new Error('timeout: 3% complete')).message).toContain('(3% complete)');
});
