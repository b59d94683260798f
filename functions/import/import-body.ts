/** @file The body of `import`, and of `prepare`, which begins with it. */
import { z } from 'zod';
import { digestSchema, nameSchema } from '../../storage/records.ts';
import { portraitSetShape } from './portrait-pages.ts';

export const importShape = {
  dataset: nameSchema.describe('name of the dataset'),
  source: z.enum(['portraits']).optional().describe('the bundled portraits; with count, size and seed'),
  count: z.int().min(1).max(1_000_000).optional().describe('how many portraits'),
  folder: z.string().min(1).optional().describe('a folder on the machine of the server, below its import roots'),
  tar: digestSchema.optional().describe('a tar of pictures, uploaded to /objects'),
  size: portraitSetShape.size,
  seed: portraitSetShape.seed,
};

/** Exactly one source, and a count with the portraits alone. */
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
  'expected one of: source "portraits" with count; folder; tar (put a sidecar name.txt beside name.png as its caption)';

/** What an import answers; `prepare` hands it on. */
export const importAnswerSchema = z.object({
  originals: digestSchema,
  pages: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  items: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
});
