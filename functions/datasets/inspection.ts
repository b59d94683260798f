/** @file The record that `inspect` writes about a picture. */
import { z } from 'zod';
import type { NoteCode } from '../notes/note-table.ts';
import { type ImageInfo, probeImage, squashRgb } from '../pictures/image.ts';
import type { ImageLimits } from '../pictures/limits.ts';
import { HASH_SIDE, markPicture } from '../pictures/perceptual-hash.ts';
import { UnfitPicture } from '../pictures/unfit-picture.ts';

const inspectionNoteSchema = z.strictObject({
  code: z.enum(['first_frame', 'cmyk', 'sixteen_bit', 'transparency', 'turned'] satisfies NoteCode[]),
  /** See NotedItem. */
  amount: z.number(),
  text: z.string(),
});
type InspectionNote = z.infer<typeof inspectionNoteSchema>;

const inspectionSchema = z.discriminatedUnion('accepted', [
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
    /** Changes to the picture that a person should know. An earlier version wrote sentences without codes. */
    notes: z
      .array(z.union([inspectionNoteSchema, z.string()]))
      .transform(notes => notes.filter(note => typeof note !== 'string')),
  }),
  z.strictObject({
    v: z.literal(1),
    accepted: z.literal(false),
    reason: z.string(),
    /** See Reject. */
    group: z.string().exactOptional(),
  }),
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
    if (!(error instanceof UnfitPicture)) throw error;
    const { reason, group } = error;
    return { v: 1, accepted: false, reason, group };
  }
}

function notesOn({ pages, orientation, space, depth, alpha }: ImageInfo): InspectionNote[] {
  const notes: InspectionNote[] = [];
  const add = (code: InspectionNote['code'], text: string, amount = 0) => notes.push({ code, amount, text });
  if (pages > 1) add('first_frame', `the first of ${pages} frames`, pages);
  if (space === 'cmyk') add('cmyk', 'CMYK');
  if (depth === 'ushort') add('sixteen_bit', '16 bits per channel');
  if (alpha) add('transparency', 'alpha channel');
  if (orientation > 1) add('turned', `EXIF orientation ${orientation}`);
  return notes;
}

/** @throws ZodError if the member is not an inspection. */
export function parseInspection(bytes: Uint8Array): Inspection {
  return inspectionSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
}
