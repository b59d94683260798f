/** @file Decodes, scales and encodes pictures. Only this file imports sharp, which works in its own threads. */
import sharp, { type Metadata, type Sharp } from 'sharp';
import { Busy, Unprocessable } from '../../errors.ts';

/**
 * Versions that decide the bytes of decoded, scaled and encoded pictures: `tools` of every function that makes them.
 */
export const IMAGE_TOOLS: Readonly<Record<string, string>> = {
  sharp: sharp.versions.sharp ?? 'unknown',
  libvips: sharp.versions.vips,
};

/** data: [height, width, 3], sRGB, 0-255. */
export interface RgbImage {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface ImageLimits {
  /** Size of the file. */
  readonly maxBytes: number;
  readonly maxPixels: number;
  /** Pixels of the shorter side. */
  readonly minSide: number;
  /** Longer side over shorter side. */
  readonly maxAspect: number;
}

export const DEFAULT_LIMITS: ImageLimits = {
  maxBytes: 100 * 2 ** 20,
  maxPixels: 100_000_000,
  minSide: 16,
  maxAspect: 8,
};

export interface ImageInfo {
  readonly format: string;
  /** Pixels, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  /** Frames of an animation, pages of a document. */
  readonly pages: number;
  /** Bits per channel: uchar, ushort ... */
  readonly depth: string;
  /** srgb, cmyk, b-w, rgb16 ... */
  readonly space: string;
  readonly alpha: boolean;
  /** EXIF orientation, 1 to 8. */
  readonly orientation: number;
}

/** Time limit of a decoding. A picture of 100 megapixels takes about one second. */
const DECODE_SECONDS = 60;

/** First bytes of the formats that are read. All others, such as SVG, are refused before a decoder sees them. */
const SIGNATURES: readonly { readonly format: string; readonly offset: number; readonly bytes: string }[] = [
  { format: 'jpeg', offset: 0, bytes: '\xff\xd8\xff' },
  { format: 'png', offset: 0, bytes: '\x89PNG\r\n\x1a\n' },
  { format: 'gif', offset: 0, bytes: 'GIF8' },
  { format: 'webp', offset: 8, bytes: 'WEBP' },
  { format: 'tiff', offset: 0, bytes: 'II*\0' },
  { format: 'tiff', offset: 0, bytes: 'MM\0*' },
  { format: 'avif', offset: 4, bytes: 'ftypavif' },
  { format: 'avif', offset: 4, bytes: 'ftypmif1' },
];

/** For messages. */
export const READ_FORMATS = 'JPEG, PNG, WebP, GIF, TIFF or AVIF';

/** 'jpeg', 'png' ... by the first bytes; undefined if the format is not one of {@link SIGNATURES}. */
export function sniffFormat(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 32)).toString('latin1');
  return SIGNATURES.find(({ offset, bytes: signature }) => head.startsWith(signature, offset))?.format;
}

/**
 * Reads the header and checks it against the limits, without decoding pixels.
 * @throws Unprocessable with the reason as message.
 */
export async function probeImage(bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS): Promise<ImageInfo> {
  if (bytes.length === 0) throw new Unprocessable('the file is empty');
  if (bytes.length > limits.maxBytes) {
    throw new Unprocessable(`the file has ${bytes.length} bytes`, { expected: `at most ${limits.maxBytes}` });
  }
  const format = sniffFormat(bytes);
  if (format === undefined) throw unknownFormat();
  const metadata = await openImage(bytes, limits).metadata().catch(refuse);
  const info = describe(format, metadata);
  checkShape(info, limits);
  return info;
}

/** Decodes a picture to 8-bit sRGB: first frame, oriented by EXIF, colour profile applied, transparency over white. */
export async function decodeRgb(bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS): Promise<RgbImage> {
  await probeImage(bytes, limits);
  return toRgb(normalize(bytes, limits));
}

/** Scales (Lanczos) to cover width x height, then crops about the centre. A picture of that size keeps its pixels. */
export async function coverRgb(
  bytes: Uint8Array,
  width: number,
  height: number,
  limits: ImageLimits = DEFAULT_LIMITS,
): Promise<RgbImage> {
  return toRgb(
    normalize(bytes, limits).resize(width, height, { fit: 'cover', position: 'centre', kernel: 'lanczos3' }),
  );
}

/** Scales a picture to exactly width x height, for hashes. Reads every pixel, so it refuses a damaged file. */
export async function squashRgb(
  bytes: Uint8Array,
  width: number,
  height: number,
  limits: ImageLimits = DEFAULT_LIMITS,
): Promise<RgbImage> {
  return toRgb(normalize(bytes, limits).resize(width, height, { fit: 'fill', kernel: 'cubic' }));
}

/** Draws an SVG as a PNG. Only for SVG of our own, never from outside. */
export async function renderSvgPng(svg: string): Promise<Uint8Array> {
  return sharp(Buffer.from(svg)).removeAlpha().png(PNG_OPTIONS).toBuffer().catch(refuse);
}

export async function renderSvgRgb(svg: string): Promise<RgbImage> {
  return toRgb(sharp(Buffer.from(svg)));
}

export async function encodePng({ data, width, height }: RgbImage): Promise<Uint8Array> {
  if (data.length !== width * height * 3) {
    throw new Unprocessable(`${data.length} bytes are not an RGB picture of ${width} x ${height} pixels`);
  }
  return sharp(data, { raw: { width, height, channels: 3 } })
    .png(PNG_OPTIONS)
    .toBuffer();
}

/** Encodes WebP, scaled down to fit into a square of `side` pixels. A smaller picture keeps its size. */
export async function encodeThumbnail({ data, width, height }: RgbImage, side: number): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(side, side, { fit: 'inside', withoutEnlargement: true, kernel: 'lanczos3' })
    .webp({ quality: 85, effort: 4 })
    .toBuffer();
}

export interface PlacedImage {
  readonly png: Uint8Array;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Draws pictures over an SVG, as PNG. Enlarges small pictures without smoothing, so that every pixel can be seen. */
export async function composePng(svg: string, pictures: readonly PlacedImage[]): Promise<Uint8Array> {
  const overlays = await Promise.all(
    pictures.map(async ({ png, left, top, width, height }) => {
      const info = await probeImage(png, { ...DEFAULT_LIMITS, minSide: 1, maxAspect: Number.POSITIVE_INFINITY });
      const kernel = info.width < width ? 'nearest' : 'lanczos3';
      return { input: await normalize(png).resize(width, height, { fit: 'fill', kernel }).png().toBuffer(), left, top };
    }),
  );
  return sharp(Buffer.from(svg)).removeAlpha().composite(overlays).removeAlpha().png(SHEET_PNG_OPTIONS).toBuffer();
}

// Filters and level are fixed, because digests depend on the bytes of PNGs.
const PNG_OPTIONS = { compressionLevel: 6, adaptiveFiltering: false, palette: false } as const;
/** Level 9 makes enlarged pictures a third of the size. It is slow, but sheets are few. */
const SHEET_PNG_OPTIONS = { ...PNG_OPTIONS, compressionLevel: 9 } as const;

function openImage(bytes: Uint8Array, limits: ImageLimits): Sharp {
  if (sniffFormat(bytes) === undefined) throw unknownFormat();
  // 'error' accepts common camera defects, such as stray bytes before a marker. It refuses a truncated file.
  return sharp(bytes, { failOn: 'error', limitInputPixels: limits.maxPixels, sequentialRead: true }).timeout({
    seconds: DECODE_SECONDS,
  });
}

function normalize(bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS): Sharp {
  return openImage(bytes, limits).autoOrient().flatten({ background: '#ffffff' }).toColourspace('srgb');
}

async function toRgb(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  if (info.channels !== 3) throw new Unprocessable(`the picture decoded to ${info.channels} channels instead of 3`);
  return { data, width: info.width, height: info.height };
}

function describe(format: string, metadata: Metadata): ImageInfo {
  const { autoOrient, pages = 1, pageHeight, height, depth, space, hasAlpha, orientation = 1 } = metadata;
  // If all frames are read, they are stacked. If one is read, `height` is the height of a frame.
  const isStacked = pageHeight !== undefined && pageHeight < height;
  return {
    format,
    width: autoOrient.width,
    height: isStacked ? pageHeight : autoOrient.height,
    pages,
    depth,
    space,
    alpha: hasAlpha,
    orientation,
  };
}

function checkShape({ width, height }: ImageInfo, limits: ImageLimits): void {
  const what = `the picture is ${width} x ${height} pixels`;
  const [short, long] = width < height ? [width, height] : [height, width];
  if (width * height > limits.maxPixels)
    throw new Unprocessable(what, { expected: `at most ${limits.maxPixels} pixels` });
  if (short < limits.minSide) {
    throw new Unprocessable(what, { expected: `a shorter side of at least ${limits.minSide} pixels` });
  }
  if (long > short * limits.maxAspect) {
    throw new Unprocessable(what, { expected: `a longer side of at most ${limits.maxAspect} times the shorter` });
  }
}

function unknownFormat(): Unprocessable {
  return new Unprocessable('the file is not a picture of a known format', {
    expected: `${READ_FORMATS}, by its content (the name does not matter)`,
  });
}

function refuse(cause: unknown): never {
  throw explainDecoding(cause);
}

/**
 * The error of a picture whose decoding failed. A decoding that took too long is Busy: the machine may be slow, so this
 * verdict must not be kept.
 */
export function explainDecoding(cause: unknown): Unprocessable | Busy {
  const reason = cause instanceof Error ? cause.message.split('\n')[0]?.trim() : String(cause);
  if (reason?.startsWith('timeout:')) {
    return new Busy(
      `a picture took more than ${DECODE_SECONDS} seconds to decode (${reason.replace('timeout: ', '')})`,
      {
        expected: 'pictures that decode in a second or so',
        hint: 'repeat the call when the machine is less busy; if it happens again, take the picture out of the source',
        cause,
      },
    );
  }
  return new Unprocessable(`the picture does not decode: ${reason}`, {
    expected: 'an undamaged picture',
    hint: 'open it in an image editor and save it again, or leave it out',
    cause,
  });
}
