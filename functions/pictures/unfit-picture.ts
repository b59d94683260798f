/** @file Why a picture is refused: another format, a limit, or damage. Each is called what it is. */
import { Busy, Unprocessable } from '../../errors.ts';
import { type FileFormat, READ_FORMATS, type ReadFormat, tellFormat } from '../../formats/file-format.ts';
import type { ImageLimits } from './limits.ts';

/** Time limit of a decoding. A picture of 100 megapixels takes about one second. */
export const DECODE_SECONDS = 60;

/** A picture that cannot be taken. */
export class UnfitPicture extends Unprocessable {
  /** The reason without what is this picture's own, so that pictures can be counted by it. */
  readonly group: string;

  constructor(group: string, message: string, options: ConstructorParameters<typeof Unprocessable>[1]) {
    super(message, options);
    this.group = group;
  }

  /** In one sentence. */
  get reason(): string {
    return this.expected === undefined ? this.message : `${this.message}; expected ${this.expected}`;
  }
}

/** The format of a picture that is read. @throws UnfitPicture that says what the bytes are instead. */
export function requireFormat(bytes: Uint8Array): ReadFormat {
  if (bytes.length === 0) throw new UnfitPicture('an empty file', 'the file is empty', {});
  const format = tellFormat(bytes);
  if (format?.read !== undefined) return format.read;
  throw unreadFormat(format);
}

function unreadFormat(format: FileFormat | undefined): UnfitPicture {
  const what = format?.name ?? 'a file of an unknown kind';
  const how = format?.isRaw ? ', such as a raw converter or the camera itself writes' : '';
  return new UnfitPicture(`${what}, which is not read`, `${what}, by its content`, {
    expected: `${READ_FORMATS}${how}`,
    hint: 'save or export it in one of these formats; the name of the file does not matter',
  });
}

export function checkBytes(bytes: number, { maxBytes, areKeys = false }: ImageLimits): void {
  if (bytes <= maxBytes) return;
  throw new UnfitPicture(`a file of more than ${maxBytes} bytes`, `the file has ${bytes} bytes`, {
    expected: `at most ${maxBytes}`,
    hint: areKeys ? 'raise max_bytes, or make it smaller' : 'make it smaller',
  });
}

export function checkShape(
  { width, height }: { readonly width: number; readonly height: number },
  { maxPixels, minSide, maxAspect, areKeys = false }: ImageLimits,
): void {
  const [short, long] = width < height ? [width, height] : [height, width];
  const refuse = (group: string, expected: string, key: string) =>
    new UnfitPicture(group, `the picture is ${width} x ${height} pixels`, {
      expected: areKeys ? `${expected} (${key})` : expected,
      hint: areKeys ? `set ${key}, or change the picture` : 'change the picture',
    });
  if (width * height > maxPixels) {
    throw refuse(`more than ${maxPixels} pixels`, `at most ${maxPixels} pixels`, 'max_pixels');
  }
  if (short < minSide) {
    const expected = `a shorter side of at least ${minSide} pixels`;
    throw refuse(`a shorter side of less than ${minSide} pixels`, expected, 'min_side');
  }
  if (long > short * maxAspect) {
    const expected = `a longer side of at most ${maxAspect} times the shorter`;
    throw refuse(`a longer side of more than ${maxAspect} times the shorter`, expected, 'max_aspect');
  }
}

/**
 * The error of a picture whose decoding failed. A decoding that took too long is Busy: the machine may be slow, so this
 * verdict must not be kept.
 */
export function explainDecoding(cause: unknown): UnfitPicture | Busy {
  const reason = (cause instanceof Error ? cause.message.split('\n')[0]?.trim() : undefined) || String(cause);
  if (reason.startsWith('timeout:')) {
    return new Busy(
      `a picture took more than ${DECODE_SECONDS} seconds to decode (${reason.replace('timeout: ', '')})`,
      {
        expected: 'pictures that decode in a second or so',
        hint: 'repeat the call when the machine is less busy; if it happens again, take the picture out of the source',
        cause,
      },
    );
  }
  const hint = 'open it in an image editor and save it again, or leave it out';
  // This is said of a file that ends after its first bytes, too.
  const isOfFormat = !reason.includes('unsupported image format');
  if (/limit|too (large|big|many|wide|high)/i.test(reason)) {
    const message = `the picture is beyond a limit of the decoder: ${reason}`;
    return new UnfitPicture('beyond a limit of the decoder', message, { expected: 'a smaller picture', hint, cause });
  }
  if (
    isOfFormat &&
    /unsupported|not (been )?(supported|implemented|built|configured)|unimplemented|bad labq/i.test(reason)
  ) {
    const message = `the picture is of a rare kind that the decoder does not read: ${reason}`;
    return new UnfitPicture('of a rare kind of its format', message, { expected: 'a common kind', hint, cause });
  }
  return new UnfitPicture('damaged', `the picture does not decode: ${reason}`, {
    expected: 'an undamaged picture',
    hint,
    cause,
  });
}
