/** @file The record that `inspect` writes about a picture. */
import { z } from 'zod';
import { Unprocessable } from '../../errors.ts';
import { type ImageInfo, type ImageLimits, probeImage, squashRgb } from '../pictures/image.ts';
import { HASH_SIDE, markPicture } from '../pictures/perceptual-hash.ts';

export const inspectionSchema = z.discriminatedUnion('accepted', [
  z.strictObject({
    v: z.literal(1),
    accepted: z.literal(true),
    format: z.string(),
    /** Pixels, after EXIF orientation. */
    width: z.int().positive(),
    height: z.int().positive(),
    phash: z.string().regex(/^[0-9a-f]{16}$/),
    /** base64 of 16 x 16 RGB. */
    thumb: z.string(),
    /** Changes to the picture that a user should know: first of several frames, turned, converted. */
    notes: z.array(z.string()),
  }),
  z.strictObject({ v: z.literal(1), accepted: z.literal(false), reason: z.string() }),
]);
export type Inspection = z.infer<typeof inspectionSchema>;

/** Inspects a picture. It does not throw for a bad file: the record has the reason. */
export async function inspectPicture(bytes: Uint8Array, limits: ImageLimits): Promise<Inspection> {
  try {
    const info = await probeImage(bytes, limits);
    const marks = markPicture(await squashRgb(bytes, HASH_SIDE, HASH_SIDE, limits));
    const { format, width, height } = info;
    return { v: 1, accepted: true, format, width, height, ...marks, notes: notesOn(info) };
  } catch (error) {
    if (!(error instanceof Unprocessable)) throw error;
    const reason = error.expected === undefined ? error.message : `${error.message}; expected ${error.expected}`;
    return { v: 1, accepted: false, reason };
  }
}

function notesOn({ pages, orientation, space, depth, alpha }: ImageInfo): string[] {
  const notes: string[] = [];
  if (pages > 1) notes.push(`the first of ${pages} frames`);
  if (orientation > 1) notes.push(`turned as its EXIF orientation ${orientation} says`);
  if (space === 'cmyk') notes.push('converted from CMYK');
  if (depth === 'ushort') notes.push('converted from 16 bits per channel');
  if (alpha) notes.push('transparency laid over white');
  return notes;
}

/** @throws ZodError if the member is not an inspection. */
export function parseInspection(bytes: Uint8Array): Inspection {
  return inspectionSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}
