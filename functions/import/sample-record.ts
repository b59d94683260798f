/**
 * @file What the JSON of a sample in a WebDataset says beyond a caption. Easel's own has what restores the item; that
 * of the original project has the mask of its text.
 */
import { z } from 'zod';
import { type Item, itemSchema, splitSchema } from '../../storage/records.ts';

const easelSchema = z.object({
  v: z.literal(1),
  split: splitSchema,
  page: z.int().nonnegative(),
  place: z.int().nonnegative(),
  cluster: z.string().optional(),
  attributes: itemSchema.shape.attributes,
  encoders: z.record(z.string(), z.looseObject({ name: z.string() })),
});
const ownSchema = z.looseObject({ image_id: itemSchema.shape.id, image_path: z.string().min(1), easel: easelSchema });

export type OwnRecord = z.infer<typeof easelSchema> & { readonly id: string; readonly name: string };

export interface SampleRecord {
  /** Of a shard that Easel made. */
  readonly own?: OwnRecord;
  /** Tokens of the text by the mask; 'gaps' if it is not ones and then zeros. */
  readonly tokens?: { readonly count: number; readonly length: number } | 'gaps';
  /** What else is said of the picture. */
  readonly attributes: Item['attributes'];
}

/** Keys of the original's records that are of no use beyond its own programs. */
const MASK = 't5_attention_mask';

export function readSampleRecord(attributes: Item['attributes']): SampleRecord {
  if (attributes === undefined) return { attributes };
  const own = ownSchema.safeParse(attributes).data;
  if (own) {
    const { image_id: id, image_path: name, easel } = own;
    return { own: { ...easel, id, name }, attributes: easel.attributes };
  }
  const { [MASK]: mask, ...rest } = attributes;
  if (mask === undefined) return { attributes };
  return { tokens: countedSchema.safeParse(mask).data ?? countTokens(mask), attributes: rest };
}

const countedSchema = z.union([z.literal('gaps'), z.strictObject({ count: z.int(), length: z.int() })]);

/** The record with its mask counted: a line of a table has 512 numbers. */
export function compactMask(record: NonNullable<Item['attributes']>): NonNullable<Item['attributes']> {
  return MASK in record ? { ...record, [MASK]: countTokens(record[MASK]) } : { ...record };
}

function countTokens(mask: unknown): NonNullable<SampleRecord['tokens']> {
  if (!Array.isArray(mask)) return 'gaps';
  const count = mask.filter(each => each === 1).length;
  const isRun = mask.every((each, i) => each === (i < count ? 1 : 0));
  return isRun ? { count, length: mask.length } : 'gaps';
}
