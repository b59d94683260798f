/** @file Checks whether a model draws copies of its training pictures. The verdict stays with the checkpoint. */
import { z } from 'zod';
import { copyCheckShape, findBlindSpace, findWorstSpace, type Memorization, percent } from '../configs/memorization.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { defineFunction } from './define.ts';
import { judgedShape } from './evaluation/judged-shape.ts';
import { MEMORIZATION, memorizationStep } from './experiments/border/memorization-step.ts';
import { checkData, readConfig } from './experiments/experiment-head.ts';
import { findKept, findMaker } from './experiments/find-kept.ts';
import { checkCopies } from './experiments/sets/check-copies.ts';
import { listInstalled, usualCondition, withWeights } from './experiments/sets/draw-set.ts';
import { chooseExtractor } from './experiments/sets/extractors.ts';
import { recordArtifact } from './operations/record-artifact.ts';

export const checkMemorization = defineFunction({
  name: 'check-memorization',
  summary:
    'Draws pictures by a checkpoint and looks for copies of training pictures, in features and in thumbnails, beside ' +
    'the false alarms on held-out pictures. The verdict stays with the checkpoint: export refuses one that copies.',
  version: 1,
  kind: 'effect',
  example: { checkpoint: 'portraits@latest', samples: 1000 },
  input: z.strictObject({ ...judgedShape, ...copyCheckShape }),
  key: input => canonicalJson(input),
  async run(ctx, { checkpoint: text, extractor: asked, condition, ...settings }): Promise<Json> {
    const kept = await findKept(ctx.store, text);
    checkData(kept.name, kept.head);
    const config = await readConfig(ctx.blobs, kept.head);
    const { extractor, why } = chooseExtractor(config, await listInstalled(ctx), asked);
    const { digest, document } = await checkCopies(ctx, {
      ...{ ...settings, kept, config, why, condition: condition ?? usualCondition(config) },
      extractor: await withWeights(ctx.store, extractor),
    });
    const { name, step } = await findMaker(ctx.store, kept);
    const place = { name, step, artifact: MEMORIZATION };
    const folder = await recordArtifact(ctx, { ...place, folder: memorizationStep.artifact.folder }, digest);
    const { pairs: _, links: __, ...shown } = document;
    return {
      ...{ v: 1, experiment: kept.name, step: kept.step, document: digest, ...(folder && { folder }) },
      ...shown,
      verdict: describeVerdict(document),
    };
  },
});

/** One sentence. */
export function describeVerdict({
  memorized,
  spaces,
  limit,
}: Pick<Memorization, 'memorized' | 'spaces' | 'limit'>): string {
  const worst = findWorstSpace({ spaces });
  const alarms = worst.held_out
    ? `${percent(worst.held_out.rate)} of the held-out ones`
    : 'there are no held-out pictures to compare with';
  const obeyed = worst.obeyed
    ? `; conditions of held-out pictures alone give ${percent(worst.obeyed.rate)} of these back`
    : '';
  const rates = `${percent(worst.drawn.rate)} of the drawn pictures are copies by ${worst.extractor}, ${alarms}${obeyed}`;
  if (memorized)
    return `the model has memorized training pictures: ${rates}; the limit is ${percent(limit)} above them`;
  const blind = findBlindSpace({ memorized, spaces });
  return blind
    ? `the check cannot tell: ${percent(blind.held_out?.rate ?? 0)} of the held-out pictures look like copies by ` +
        `${blind.extractor}, so they have near-duplicates among the training pictures`
    : `no memorizing found: ${rates}`;
}
