/** @file Checks whether a model draws copies of its training pictures. The verdict stays with the checkpoint. */
import { z } from 'zod';
import { CONDITION_NAMES } from '../configs/drawn-conditions.ts';
import {
  COPY_LIMIT,
  COPY_RATIO,
  type CopyPair,
  copiesFoundSchema,
  type Memorization,
  memorizationSchema,
} from '../configs/memorization.ts';
import { validationSchema } from '../configs/validation.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { describeColumns, drawSet, listInstalled, samplingFor, usualCondition } from './evaluation/draw-set.ts';
import { chooseExtractor, findExtractor } from './evaluation/extractors.ts';
import { judgedShape, setSeedSchema } from './evaluation/judged-shape.ts';
import { outputOf } from './execution/output-of.ts';
import { batchFor } from './experiments/border/flow-loss-step.ts';
import { MEMORIZATION, memorizationArtifact } from './experiments/border/memorization-artifact.ts';
import { checkData, readConfig } from './experiments/experiment-head.ts';
import { findKept, findMaker, type KeptOf } from './experiments/find-kept.ts';
import { openPagePictures } from './experiments/page-pictures.ts';
import { recordArtifact } from './operations/record-artifact.ts';

export const checkMemorization = defineFunction({
  name: 'check-memorization',
  summary:
    'Draws pictures by a checkpoint and looks for copies of training pictures, in features and in thumbnails, beside ' +
    'the false alarms on held-out pictures. The verdict stays with the checkpoint: export refuses one that copies.',
  version: 1,
  kind: 'effect',
  example: { checkpoint: 'portraits@latest', samples: 1000 },
  input: z.strictObject({
    ...judgedShape,
    samples: z.int().min(2).max(10_000).default(1000).describe('pictures to draw'),
    condition: z
      .enum(CONDITION_NAMES)
      .optional()
      .describe('as in draw; default: pose and caption, or the caption, or what the model has'),
    split: z
      .enum(['train', 'val'])
      .default('train')
      .describe('whose conditions are given: those of trained pictures, with new noise, are where copies show first'),
    ratio: z.number().min(0).max(1).default(COPY_RATIO).describe('d1 / d2 below which a picture is a copy'),
    limit: z.number().min(0).max(1).default(COPY_LIMIT).describe('rate above the false alarms that export refuses'),
    seed: setSeedSchema,
  }),
  key: input => canonicalJson(input),
  async run(ctx, { checkpoint: text, samples, split, ratio, limit, ...asked }): Promise<Json> {
    const kept = await findKept(ctx.store, text);
    const { head, checkpoint } = kept;
    checkData(kept.name, head);
    const config = await readConfig(ctx.blobs, head);
    const { dataset } = head;
    const pages = await openPagePictures(ctx.blobs, await readDataset(ctx.blobs, dataset));
    const pictures = pages.itemsOf(split).length;
    if (pictures === 0) throw new Unprocessable(`the dataset has no pictures of the split ${split}`);
    const { extractor, why } = chooseExtractor(config, await listInstalled(ctx), asked.extractor);
    const condition = asked.condition ?? usualCondition(config);
    const { seed, steps, guidance } = asked;
    const plan = { kept, config, dataset, split, pictures, condition, samples, seed, steps, guidance };
    const drawn = await drawSet(ctx, plan);

    const columns = pages.columnsOf(['train', 'val', 'test']);
    const spaces = [];
    for (const each of new Set([extractor, findExtractor('thumbnail')])) {
      spaces.push({
        drawn: await describeColumns(ctx, each, drawn.columns, head.engine),
        dataset: await describeColumns(ctx, each, columns, head.engine),
      });
    }
    const answer = await ctx.call('memorization', { dataset, spaces, ratio, limit });
    const copies = outputOf(answer.result, 'copies');
    const {
      kind: _,
      links: __,
      ...found
    } = await readDocument(ctx.blobs, copies, copiesFoundSchema, 'a list of copies');
    const sheet = await drawPairs(ctx, found.pairs);
    const document: Memorization = memorizationSchema.parse({
      ...{ ...found, v: 1, kind: 'memorization', checkpoint, condition, split, samples: drawn.samples },
      sampling: samplingFor(plan),
      ...{ why_extractor: why, gap: await measureGap(ctx, kept, config.run.validation?.pictures ?? GAP_PICTURES) },
      ...(sheet && { sheet }),
      links: sheet ? [sheet.digest] : [],
    });
    const { digest } = await putDocument(ctx.blobs, document);
    const { name, step } = await findMaker(ctx.store, kept);
    const place = { name, step, artifact: MEMORIZATION };
    const folder = await recordArtifact(ctx, { ...place, folder: memorizationArtifact.artifact.folder }, digest);
    const { pairs: ___, links: ____, ...shown } = document;
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
  const worst = spaces.reduce((a, b) => (b.excess > a.excess ? b : a));
  const alarms = worst.held_out
    ? `${percent(worst.held_out.rate)} of the held-out ones`
    : 'there are no held-out pictures to compare with';
  const rates = `${percent(worst.drawn.rate)} of the drawn pictures are copies by ${worst.extractor}, ${alarms}`;
  if (memorized)
    return `the model has memorized training pictures: ${rates}; the limit is ${percent(limit)} above them`;
  const blind = spaces.find(({ held_out }) => held_out !== null && held_out.rate > MOST_ALARMS);
  return blind
    ? `the check cannot tell: ${percent(blind.held_out?.rate ?? 0)} of the held-out pictures look like copies by ` +
        `${blind.extractor}, so they have near-duplicates among the training pictures`
    : `no memorizing found: ${rates}`;
}

/** Rate of false alarms above which copies would not stand out. */
const MOST_ALARMS = 0.5;

function percent(share: number): string {
  return `${Number((100 * share).toFixed(2))} %`;
}

async function drawPairs(ctx: EffectContext, pairs: readonly CopyPair[]) {
  if (pairs.length === 0) return undefined;
  const body = {
    title: 'Drawn pictures (left) and their nearest training pictures (right), most suspicious first',
    pairs: pairs.map(({ id, pictures, nearest, nearest_pictures, extractor, ratio }) => ({
      left: { pictures, id },
      right: { pictures: nearest_pictures, id: nearest },
      label: `d1/d2 ${ratio.toFixed(2)} by ${extractor}`,
    })),
  };
  return (await ctx.call('pair-sheet', body)).result.outputs.image;
}

/** Pictures of each split on which the loss is measured, where the config says nothing. */
const GAP_PICTURES = 64;

/** The flow loss on held-out pictures minus that on trained ones, on one grid of noise and t. */
async function measureGap(
  ctx: EffectContext,
  { head, checkpoint }: KeptOf,
  pictures: number,
): Promise<Memorization['gap']> {
  const batch = batchFor(head.plan.micro_batch);
  const body = { checkpoint, dataset: head.dataset, pictures, batch, engine: head.engine };
  const measured = outputOf((await ctx.call('flow-loss', body)).result, 'flow_loss');
  const { held_out, train } = await readDocument(ctx.blobs, measured, validationSchema, 'a validation');
  const [after, before] = [held_out?.loss, train?.loss];
  if (typeof after !== 'number' || typeof before !== 'number') return null;
  return { train: before, held_out: after, difference: after - before };
}
