/** @file The body of `import`. The body of `prepare` extends it. */
import { z } from 'zod';
import { OLD_ENCODINGS } from '../../formats/decode-text.ts';
import { digestSchema, nameSchema } from '../../storage/records.ts';
import { DRAWN_SET_NAMES, setShape, WORDINGS } from './drawn-sets.ts';

export const importShape = {
  dataset: nameSchema.describe('name of the dataset'),
  source: z.enum(DRAWN_SET_NAMES).optional().describe('a bundled set; takes count, size and seed'),
  count: z.int().min(1).max(1_000_000).optional().describe('number of pictures of the bundled set'),
  wording: z
    .enum(WORDINGS)
    .optional()
    .describe('captions of portraits: one of each picture (plain, the default), or up to four in varied wording'),
  folder: z.string().min(1).optional().describe("a folder on the server's machine, below its import roots"),
  s3: z.string().min(1).optional().describe("s3://BUCKET/PREFIX, below one of the server's EASEL_IMPORT_BUCKETS"),
  tar: digestSchema.optional().describe('digest of a tar of pictures, uploaded to /objects'),
  caption_encoding: z
    .enum(OLD_ENCODINGS)
    .optional()
    .describe('encoding of the captions that are not in Unicode; without it, they are rejected by name'),
  splits: z
    .enum(['folders', 'ignore'])
    .optional()
    .describe('whether folders called train, validation and test say the splits, as by default, or not'),
  missing_signals: z
    .enum(['error', 'ignore', 'reject'])
    .optional()
    .describe('arrays that some pictures lack: an error (default), a signal that is not taken, pictures left out'),
  register_rows: z
    .union([z.literal(0), z.literal(4)])
    .optional()
    .describe(
      'rows at the start of dinov3_patches that are registers: 4 in files of the original project; default: told by the numbers',
    ),
  size: setShape.size,
  seed: setShape.seed,
};

/** True if the body names exactly one source, and has a count if and only if the source is a bundled set. */
export function checkSource(body: {
  readonly source?: string | undefined;
  readonly folder?: string | undefined;
  readonly tar?: string | undefined;
  readonly s3?: string | undefined;
  readonly count?: number | undefined;
}): boolean {
  const sources = [body.source, body.folder, body.s3, body.tar].filter(given => given !== undefined);
  return sources.length === 1 && (body.count !== undefined) === (body.source !== undefined);
}

export const SOURCE_ERROR =
  `expected one of: source (${DRAWN_SET_NAMES.join(', ')}) with count; folder; s3; tar ` +
  '(the caption of name.png goes into name.txt beside it)';

/** The answer of `import`, as far as `prepare` passes it on. */
export const importAnswerSchema = z.object({
  originals: digestSchema,
  pages: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  items: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  counts: z.looseObject({ removed: z.int() }),
});
