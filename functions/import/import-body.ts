/** @file The body of `import`. The body of `prepare` extends it. */
import { z } from 'zod';
import { OLD_ENCODINGS } from '../../formats/decode-text.ts';
import { digestSchema, nameSchema } from '../../storage/records.ts';
import { DRAWN_SET_NAMES, setShape } from './drawn-sets.ts';

export const importShape = {
  dataset: nameSchema.describe('name of the dataset'),
  source: z.enum(DRAWN_SET_NAMES).optional().describe('a bundled set; takes count, size and seed'),
  count: z.int().min(1).max(1_000_000).optional().describe('number of pictures of the bundled set'),
  folder: z.string().min(1).optional().describe("a folder on the server's machine, below its import roots"),
  tar: digestSchema.optional().describe('digest of a tar of pictures, uploaded to /objects'),
  caption_encoding: z
    .enum(OLD_ENCODINGS)
    .optional()
    .describe('encoding of the captions that are not in Unicode; without it, they are rejected by name'),
  size: setShape.size,
  seed: setShape.seed,
};

/** True if the body names exactly one source, and has a count if and only if the source is a bundled set. */
export function checkSource(body: {
  readonly source?: string | undefined;
  readonly folder?: string | undefined;
  readonly tar?: string | undefined;
  readonly count?: number | undefined;
}): boolean {
  const sources = [body.source, body.folder, body.tar].filter(given => given !== undefined);
  return sources.length === 1 && (body.count !== undefined) === (body.source !== undefined);
}

export const SOURCE_ERROR =
  `expected one of: source (${DRAWN_SET_NAMES.join(', ')}) with count; folder; tar ` +
  '(the caption of name.png goes into name.txt beside it)';

/** The answer of `import`, as far as `prepare` passes it on. */
export const importAnswerSchema = z.object({
  originals: digestSchema,
  pages: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  items: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  counts: z.looseObject({ removed: z.int() }),
});
