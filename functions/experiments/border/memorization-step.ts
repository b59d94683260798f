/**
 * @file What a check for memorized pictures leaves with the checkpoint, and the check itself during a training, by the
 * settings of run.check_memorization. `export` reads the verdict.
 */
import { type Memorization, memorizationSchema } from '../../../configs/memorization.ts';
import { InvalidInput, Unprocessable } from '../../../errors.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { digestSchema } from '../../../storage/records.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { stepOf } from '../experiment-head.ts';
import { checkCopies } from '../sets/check-copies.ts';
import { type CopyCheck, listConditions } from '../sets/copy-check.ts';
import { usualCondition } from '../sets/draw-set.ts';
import { findExtractor } from '../sets/extractors.ts';
import { builtInExtractor } from '../suite/choose-extractor.ts';
import { defineBorderStep } from './border-step.ts';
import { isDueEvery } from './is-due-every.ts';

/** Key of the artifact in a chunk. */
export const MEMORIZATION = 'memorization';

export function readMemorization(blobs: BlobStore, digest: Digest): Promise<Memorization> {
  return readDocument(blobs, digest, memorizationSchema, 'a check for memorized pictures');
}

export const memorizationStep = defineBorderStep<Memorization>({
  name: MEMORIZATION,
  due: ({ head, config, step }) => isDueEvery(config.run.check_memorization?.every ?? 0, stepOf(head), step),
  async run({ head, config, step, blobs, call, tell }, checkpoint) {
    const settings = config.run.check_memorization;
    if (settings === undefined) return undefined;
    const { every: _, condition: __, conditions: ___, ...rest } = settings;
    const { name, why } = builtInExtractor(config);
    const check: CopyCheck = {
      ...{ ...rest, kept: { head, checkpoint }, config, extractor: findExtractor(name), why },
      conditions: listConditions(settings, () => usualCondition(config)),
      lpips: 'a check during a training looks for no installed net',
    };
    try {
      return (await checkCopies({ blobs, call, progress: () => {} }, check)).digest;
    } catch (error) {
      // What the dataset lacks ends no training.
      if (!(error instanceof Unprocessable || error instanceof InvalidInput)) throw error;
      tell(`step ${step} was not checked for copies of training pictures: ${error.message}`);
      return undefined;
    }
  },
  artifact: {
    kind: 'memorization',
    schema: memorizationSchema,
    folder: 'memorization',
    files: ({ sheet, links: _, ...found }) => [
      ...(sheet ? [{ name: 'nearest.png', blob: digestSchema.parse(sheet.digest) }] : []),
      { name: 'results.json', json: { ...found, ...(sheet && { sheet: 'nearest.png' }) } },
    ],
    scalars: tellRates,
    describe: ({ run: { check_memorization: settings } }) =>
      settings === undefined
        ? '- memorization/: whether drawn pictures are copies of training pictures, where it was checked.'
        : `- memorization/: whether drawn pictures are copies of training pictures, every ${settings.every} steps.`,
  },
});

/** The rates above what is no copy, by extractor; of several conditions the worst, and each. */
function tellRates({ spaces }: Memorization): Record<string, number> {
  const rates: Record<string, number> = {};
  for (const { extractor, condition, excess, caption_swap: swap } of spaces) {
    const tag = `memorization/copies_${extractor}`;
    rates[tag] = Math.max(rates[tag] ?? 0, excess);
    if (condition !== undefined) rates[`${tag}_${condition}`] = excess;
    if (swap) rates[`memorization/caption_swap_${extractor}`] = swap.excess;
  }
  return rates;
}
