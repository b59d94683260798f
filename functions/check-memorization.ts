/** @file Checks whether a model draws copies of its training pictures. The verdict stays with the checkpoint. */
import { z } from 'zod';
import { findBlindSpace, findSpaceOfMostCopies, percent } from '../configs/copy-evidence.ts';
import { copyCheckShape, type Memorization, namesConditionsOnce, ONE_OF_CONDITIONS } from '../configs/memorization.ts';
import type { KeyedConfig } from '../configs/schema.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { installHint } from './encoders/weights.ts';
import { chooseLpips } from './evaluation/choose-lpips.ts';
import { judgedShape } from './evaluation/judged-shape.ts';
import { MEMORIZATION, memorizationStep } from './experiments/border/memorization-step.ts';
import { verdictOf } from './experiments/copies.ts';
import { judgeOrigin } from './experiments/copies-before.ts';
import { checkData, readConfig } from './experiments/experiment-head.ts';
import { findKept, findMaker, isMaker, type KeptOf } from './experiments/find-kept.ts';
import { checkCopies } from './experiments/sets/check-copies.ts';
import { listConditions } from './experiments/sets/copy-check.ts';
import { listInstalled, usualCondition, withWeights } from './experiments/sets/draw-set.ts';
import { chooseExtractor, extractorSchema } from './experiments/sets/extractors.ts';
import { findCopyDetector } from './experiments/sets/find-copy-detector.ts';
import type { InstalledLpips } from './experiments/sets/lpips-distances.ts';
import { recordArtifact } from './operations/record-artifact.ts';
import { showDescendants, showRuns } from './views/show-descendants.ts';

export const checkMemorization = defineFunction({
  name: 'check-memorization',
  summary:
    'Draws pictures by a checkpoint and looks for copies of training pictures, in features and in thumbnails, beside ' +
    'the false alarms on held-out pictures. The verdict stays with the checkpoint: export refuses one that copies.',
  version: 1,
  kind: 'effect',
  example: { checkpoint: 'portraits@latest', samples: 1000 },
  input: z
    .strictObject({
      ...judgedShape,
      ...copyCheckShape,
      copy_detector: extractorSchema
        .optional()
        .describe(
          'a stored network that finds copies, such as SSCD (docs/evaluation.md); default: the first stored one',
        ),
    })
    .refine(namesConditionsOnce, { path: ['conditions'], message: ONE_OF_CONDITIONS }),
  key: body => canonicalJson(body),
  async run(
    ctx,
    { checkpoint: text, extractor: asked, condition, conditions, copy_detector: detector, ...settings },
  ): Promise<Json> {
    const kept = await findKept(ctx.store, text);
    checkData(kept.name, kept.head);
    const config = await readConfig(ctx.blobs, kept.head);
    const { extractor, why } = chooseExtractor(config, await listInstalled(ctx), asked);
    const { digest, document } = await checkCopies(ctx, {
      ...{ ...settings, kept, config, why },
      conditions: listConditions({ condition, conditions }, () => usualCondition(config)),
      extractor: await withWeights(ctx.store, extractor),
      detector: await findCopyDetector(ctx, detector),
      lpips: await findGapLpips(ctx, config, kept.head.dataset),
    });
    const maker = await findMaker(ctx.store, kept);
    const place = { name: maker.name, step: maker.step, artifact: MEMORIZATION };
    const folder = await recordArtifact(ctx, { ...place, folder: memorizationStep.artifact.folder }, digest);
    if (!isMaker(maker)) await judgeDeleted(ctx, kept, document);
    const { pairs: _, links: __, ...shown } = document;
    return {
      ...{ v: 1, experiment: kept.name, step: kept.step, document: digest, ...(folder && { folder }) },
      ...shown,
      verdict: describeVerdict(document),
    };
  },
});

/** For a checkpoint whose run was deleted: the runs that began with it have the verdict. */
async function judgeDeleted(ctx: EffectContext, { step, checkpoint }: KeptOf, found: Memorization): Promise<void> {
  const verdict = verdictOf(step, found);
  if (verdict === undefined) return;
  const names = await judgeOrigin(ctx.store, checkpoint, verdict);
  await showRuns(ctx, names);
  for (const name of names) await showDescendants(ctx, name);
}

/** The net of LPIPS that compares the pictures, or why none does. */
async function findGapLpips(
  ctx: EffectContext,
  config: KeyedConfig,
  dataset: Digest,
): Promise<InstalledLpips | string> {
  const { lpips, tooSmall } = await chooseLpips(ctx, config, await readDataset(ctx.blobs, dataset));
  if (tooSmall !== undefined) return tooSmall;
  return lpips ?? `no net of LPIPS is installed that the training did not see; ${installHint('lpips-alex')}`;
}

/** What the caption swap test found, where it found most. */
function describeSwap(spaces: Memorization['spaces']): string {
  const swaps = spaces.flatMap(({ extractor, caption_swap: swap }) => (swap ? [{ extractor, ...swap }] : []));
  const [first] = swaps;
  if (first === undefined) return '';
  const { returned, floor, extractor } = swaps.reduce((a, b) => (b.excess > a.excess ? b : a), first);
  const beside = floor ? `, those of held-out ones ${percent(floor.rate)}` : '';
  return (
    `; captions of trained pictures, with nothing else of them, give ${percent(returned.rate)} of these back by ` +
    `${extractor}${beside}`
  );
}

/** One sentence. */
export function describeVerdict({
  memorized,
  spaces,
  limit,
}: Pick<Memorization, 'memorized' | 'spaces' | 'limit'>): string {
  const worst = findSpaceOfMostCopies({ spaces });
  const from = worst.condition === undefined ? '' : ` from ${worst.condition}`;
  const alarms = worst.held_out
    ? `${percent(worst.held_out.rate)} of the held-out ones`
    : 'there are no held-out pictures to compare with';
  const obeyed = worst.obeyed
    ? `; conditions of held-out pictures alone give ${percent(worst.obeyed.rate)} of these back`
    : '';
  const rates =
    `${percent(worst.drawn.rate)} of the drawn pictures${from} are copies by ${worst.extractor}, ${alarms}${obeyed}` +
    describeSwap(spaces);
  if (memorized)
    return `the model has memorized training pictures: ${rates}; the limit is ${percent(limit)} above them`;
  const blind = findBlindSpace({ memorized, spaces });
  return blind
    ? `the check cannot tell: ${percent(blind.held_out?.rate ?? 0)} of the held-out pictures look like copies by ` +
        `${blind.extractor}, so they have near-duplicates among the training pictures`
    : `no memorizing found: ${rates}`;
}
