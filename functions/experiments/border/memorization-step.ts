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
import { type CopyCheck, checkCopies } from '../sets/check-copies.ts';
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
    const { every: _, condition = usualCondition(config), ...rest } = settings;
    const { name, why } = builtInExtractor(config);
    const check: CopyCheck = {
      ...{ ...rest, condition, kept: { head, checkpoint }, config, extractor: findExtractor(name), why },
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
    scalars: ({ spaces }) =>
      Object.fromEntries(
        spaces.flatMap(({ extractor, excess, caption_swap: swap }) => [
          [`memorization/copies_${extractor}`, excess],
          ...(swap ? [[`memorization/caption_swap_${extractor}`, swap.excess]] : []),
        ]),
      ),
    describe: ({ run: { check_memorization: settings } }) =>
      settings === undefined
        ? '- memorization/: whether drawn pictures are copies of training pictures, where it was checked.'
        : `- memorization/: whether drawn pictures are copies of training pictures, every ${settings.every} steps.`,
  },
});
