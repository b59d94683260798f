/** @file Decodes, scales and encodes pictures. Only this file imports sharp, which works in its own threads. */
import sharp, { type Metadata, type OutputInfo, type Sharp } from 'sharp';
import { Unprocessable } from '../../errors.ts';
import { readArrayPicture, readArraySize } from './array-picture.ts';
import { DEFAULT_FILTER, type Filter } from './filters.ts';
import { DEFAULT_LIMITS, type ImageLimits, NO_LIMITS } from './limits.ts';
import { type RgbImage, toInterleaved } from './planar.ts';
import { checkBytes, checkShape, DECODE_SECONDS, explainDecoding, requireFormat } from './unfit-picture.ts';

/**
 * Versions that decide the bytes of decoded, scaled and encoded pictures: `tools` of every function that makes them.
 */
export const IMAGE_TOOLS: Readonly<Record<string, string>> = {
  sharp: sharp.versions.sharp ?? 'unknown',
  libvips: sharp.versions.vips,
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

/**
 * Reads the header and checks it against the limits, without decoding pixels.
 * @throws UnfitPicture
 */
export async function probeImage(bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS): Promise<ImageInfo> {
  const format = requireFormat(bytes);
  checkBytes(bytes.length, limits);
  if (format === 'npy') {
    const info = { ...ARRAY_INFO, ...readArraySize(bytes) };
    checkShape(info, limits);
    return info;
  }
  // Only the header is read, so that the limit of pixels can name the size.
  const metadata = await openImage(bytes, NO_LIMITS).metadata().catch(refuse);
  const info = describe(format, metadata);
  checkShape(info, limits);
  return info;
}

/** Decodes a picture to 8-bit sRGB: first frame, oriented by EXIF, colour profile applied, transparency over white. */
export async function decodeRgb(bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS): Promise<RgbImage> {
  await probeImage(bytes, limits);
  return toRgb(normalize(bytes, limits));
}

/** Scales to cover width x height, then crops about the centre. A picture of that size keeps its pixels. */
export async function coverRgb(
  bytes: Uint8Array,
  width: number,
  height: number,
  limits: ImageLimits = DEFAULT_LIMITS,
  kernel: Filter = DEFAULT_FILTER,
): Promise<RgbImage> {
  return toRgb(normalize(bytes, limits).resize(width, height, { fit: 'cover', position: 'centre', kernel }));
}

/**
 * Scales to cover width x height, and crops where most is to be seen: libvips' smart crop.
 * @returns Also the place of the window in the scaled picture.
 */
export async function coverNotable(
  bytes: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
  strategy: 'attention' | 'entropy',
  kernel: Filter = DEFAULT_FILTER,
): Promise<RgbImage & { readonly left: number; readonly top: number }> {
  const image = normalize(bytes, NO_LIMITS).resize(width, height, {
    fit: 'cover',
    position: sharp.strategy[strategy],
    kernel,
  });
  const { info, ...picture } = await toRgbWithInfo(image);
  return { ...picture, left: -(info.cropOffsetLeft ?? 0), top: -(info.cropOffsetTop ?? 0) };
}

/** A picture scaled to a size, and the part of it that is kept. Pixels. */
export interface CropWindow {
  readonly scaled: { readonly width: number; readonly height: number };
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Scales to a size, then keeps a window of it. */
export async function windowRgb(
  bytes: Uint8Array,
  { scaled, left, top, width, height }: CropWindow,
  kernel: Filter = DEFAULT_FILTER,
): Promise<RgbImage> {
  return toRgb(
    normalize(bytes, NO_LIMITS)
      .resize(scaled.width, scaled.height, { fit: 'fill', kernel })
      .extract({ left, top, width, height }),
  );
}

/** Scales a picture down to fit into a square of `side` pixels. A smaller picture keeps its size. */
export async function fitRgb(
  bytes: Uint8Array,
  side: number,
  limits: ImageLimits = NO_LIMITS,
  kernel: Filter = DEFAULT_FILTER,
): Promise<RgbImage> {
  return toRgb(normalize(bytes, limits).resize(side, side, { fit: 'inside', withoutEnlargement: true, kernel }));
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

export interface ColoredGround {
  /** Pixels of the square. */
  readonly side: number;
  /** Share of the side that stays free on each side. */
  readonly margin: number;
  /** Six hexadecimal digits. */
  readonly color: string;
}

/** Scales a picture with transparency (Lanczos) into a square of one colour, as a PNG. @throws UnfitPicture */
export async function placeOnColor(bytes: Uint8Array, { side, margin, color }: ColoredGround): Promise<Uint8Array> {
  const free = Math.round(side * margin);
  const background = `#${color}`;
  return openImage(bytes, DEFAULT_LIMITS)
    .resize(side - 2 * free, side - 2 * free, { fit: 'contain', background, kernel: 'lanczos3' })
    .flatten({ background })
    .extend({ top: free, bottom: free, left: free, right: free, background })
    .toColourspace('srgb')
    .removeAlpha()
    .png(PNG_OPTIONS)
    .toBuffer()
    .catch(refuse);
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

/** Scales into a square of `side` pixels. Small pictures are enlarged without smoothing: every pixel can be seen. */
export async function scaleToFit({ data, width, height }: RgbImage, side: number): Promise<RgbImage> {
  const kernel = Math.max(width, height) < side ? 'nearest' : 'lanczos3';
  return toRgb(sharp(data, { raw: { width, height, channels: 3 } }).resize(side, side, { fit: 'inside', kernel }));
}

/** Places pictures, as PNG, on white, as one JPEG. */
export async function composeJpeg(
  size: { readonly width: number; readonly height: number },
  pictures: readonly Pick<PlacedImage, 'png' | 'left' | 'top'>[],
): Promise<Uint8Array> {
  const overlays = pictures.map(({ png, left, top }) => ({ input: Buffer.from(png), left, top }));
  return sharp({ create: { ...size, channels: 3, background: '#ffffff' } })
    .composite(overlays)
    .removeAlpha()
    .jpeg({ quality: 85, chromaSubsampling: '4:4:4', mozjpeg: false })
    .toBuffer();
}

/** Encodes JPEG with the tables of the standard: fast. For pictures that benchmarks draw. */
export async function encodeJpeg({ data, width, height }: RgbImage, quality: number): Promise<Uint8Array> {
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality, optimizeCoding: false })
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

const ARRAY_INFO = { format: 'npy', pages: 1, depth: 'uchar', space: 'srgb', alpha: false, orientation: 1 } as const;

function openImage(bytes: Uint8Array, { maxPixels }: ImageLimits): Sharp {
  if (requireFormat(bytes) === 'npy') {
    const { data, width, height } = toInterleaved(readArrayPicture(bytes));
    return sharp(data, { raw: { width, height, channels: 3 } }).timeout({ seconds: DECODE_SECONDS });
  }
  const limitInputPixels = Number.isFinite(maxPixels) ? maxPixels : false;
  // 'error' accepts common camera defects, such as stray bytes before a marker. It refuses a truncated file.
  return sharp(bytes, { failOn: 'error', limitInputPixels, sequentialRead: true }).timeout({
    seconds: DECODE_SECONDS,
  });
}

function normalize(bytes: Uint8Array, limits: ImageLimits = DEFAULT_LIMITS): Sharp {
  return openImage(bytes, limits).autoOrient().flatten({ background: '#ffffff' }).toColourspace('srgb');
}

async function toRgb(image: Sharp): Promise<RgbImage> {
  const { info: _, ...picture } = await toRgbWithInfo(image);
  return picture;
}

async function toRgbWithInfo(image: Sharp): Promise<RgbImage & { readonly info: OutputInfo }> {
  const { data, info } = await image
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch(refuse);
  if (info.channels !== 3) throw new Unprocessable(`the picture decoded to ${info.channels} channels instead of 3`);
  return { data, width: info.width, height: info.height, info };
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

function refuse(cause: unknown): never {
  throw explainDecoding(cause);
}
