/** @file The validation suite of any checkpoint that an experiment keeps, with more tests than during its training. */
import { z } from 'zod';
import type { ProgressEvent } from '../configs/progress.ts';
import { samplingOf } from '../configs/sampling.ts';
import type { KeyedConfig } from '../configs/schema.ts';
import { seedSchema } from '../configs/seed.ts';
import { signalsOf } from '../configs/signals.ts';
import { TEST_NAMES } from '../configs/suite-tests.ts';
import { DEFAULT_PICTURES, DEFAULT_SEED, type Suite, suiteSettingsShape } from '../configs/validation-suite.ts';
import { askedSchema, completeAsked } from '../configs/vqa-options.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema, PAGE_SIZE } from '../storage/records.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { findWeights } from './encoders/installed-weights.ts';
import { allowedPrecision } from './encoders/precision.ts';
import { chooseLpips } from './evaluation/choose-lpips.ts';
import { findClip, type InstalledClip } from './evaluation/clip-row.ts';
import { judgedShape } from './evaluation/judged-shape.ts';
import { findPoseJudge } from './evaluation/pose-row.ts';
import { SUITE, suiteStep, suitesBefore } from './experiments/border/suite-step.ts';
import { checkData, readConfig } from './experiments/experiment-head.ts';
import { findKept, findMaker, type KeptOf } from './experiments/find-kept.ts';
import { countSplit } from './experiments/held-out-items.ts';
import { tracesFor } from './experiments/sample-weights.ts';
import { chooseExtractor } from './experiments/sets/extractors.ts';
import { mergeSuites } from './experiments/suite/merge-suites.ts';
import { readSuite, runSuite } from './experiments/suite/run-suite.ts';
import { countDraws } from './experiments/suite/suite-pictures.ts';
import type { SuiteExtractor, SuiteRequest } from './experiments/suite/suite-request.ts';
import { recordArtifact } from './operations/record-artifact.ts';

const input = z.strictObject({
  ...judgedShape,
  dataset: digestSchema.optional().describe('default: that of the experiment'),
  count: z.int().min(1).max(64).default(DEFAULT_PICTURES).describe('pictures of the split val'),
  seed: seedSchema.default(DEFAULT_SEED).describe('of the noise'),
  ...suiteSettingsShape,
  pose_samples: z
    .int()
    .min(0)
    .max(PAGE_SIZE)
    .default(PAGE_SIZE)
    .describe('pictures of each score in which DWPose looks for joints, as in evaluate; 0: none'),
  vqa: askedSchema.optional().describe('asks a model of a server about the pictures, as in evaluate; default: nobody'),
});

export const validate = defineFunction({
  name: 'validate',
  summary:
    'Draws held-out pictures by a checkpoint under many conditions, scores them one by one, and keeps collages, ' +
    'pictures and results.json with the checkpoint. What was drawn before is not drawn again.',
  version: 1,
  kind: 'effect',
  digests: { dataset: 'dataset' },
  example: { checkpoint: 'portraits@latest', tests: ['reconstruction', 'swap', 'edit'] },
  input,
  key: body => canonicalJson(body as Json),
  async run(ctx, body): Promise<Json> {
    const kept = await findKept(ctx.store, body.checkpoint);
    const { head, step, checkpoint } = kept;
    const dataset = body.dataset ?? head.dataset;
    if (body.dataset === undefined) checkData(kept.name, head);
    const config = await readConfig(ctx.blobs, head);
    const pictures = await readDataset(ctx.blobs, dataset);
    const { steps, guidance, seed } = body;
    const given = { seed, ...(steps !== undefined && { steps }), ...(guidance !== undefined && { guidance }) };
    const request: SuiteRequest = {
      ...{ checkpoint, dataset, step, config, engine: head.engine },
      sampling: samplingOf({ ...config.run.preview, ...given }),
      ...{ highGuidance: body.high_guidance, pictures: body.count, edits: body.edits },
      ...{ tests: body.tests ?? TEST_NAMES, weights: body.weights ?? ['ema', 'raw'] },
      tracesOf: weights => tracesFor(head, weights),
      extractor: await findExtractorFor(ctx, kept, config, body.extractor),
      // A net that takes no such pictures is refused by its own call, and each score says so.
      lpips: (await chooseLpips(ctx, config, pictures)).lpips,
      clip: await findJudge(ctx, config),
      vqa: body.vqa && completeAsked(body.vqa, ctx.describer.models),
      pose: await findPoseJudge(ctx, pictures, body.pose_samples),
      before: await suitesBefore(ctx.blobs, head, step),
    };
    const range = { split: 'val', first: 0, count: body.count } as const;
    const available = await countSplit(ctx.blobs, pictures, range);
    const site = { blobs: ctx.blobs, call: followDraws(ctx, countDraws(request), available) };
    const { digest } = await runSuite(site, request);
    const found = await readSuite(ctx.blobs, digest);
    refuseNothing(found);
    const maker = await findMaker(ctx.store, kept);
    const place = { name: maker.name, step: maker.step, artifact: SUITE, folder: suiteStep.artifact.folder };
    let document = digest;
    const keep = async (earlier: Digest | undefined) => {
      const merged = earlier ? mergeSuites(found, await readSuite(ctx.blobs, earlier)) : found;
      document = (await putDocument(ctx.blobs, merged)).digest;
      return document;
    };
    // The view of an experiment shows its own dataset alone.
    const folder = dataset === maker.head.dataset ? await recordArtifact(ctx, place, keep) : undefined;
    const { links: _, drawn: __, ...results } = found;
    return { ...results, experiment: kept.name, document, ...(folder && { folder }) } as unknown as Json;
  },
});

/** Calls, of which all draws show as one progress. @param each Pictures of one draw. */
function followDraws(ctx: EffectContext, draws: number, each: number): EffectContext['call'] {
  const total = draws * each;
  let before = 0;
  return async (name, params) => {
    if (name !== 'draw') return ctx.call(name, params);
    const tell = (pictures: number) =>
      ctx.progress({ phase: 'draw', done: Math.min(before + pictures, total), total, unit: 'pictures' });
    const onEvent = ({ done, total: steps }: ProgressEvent) => {
      if (done !== undefined && steps !== undefined && steps > 0) tell(Math.floor((each * done) / steps));
    };
    const answer = await ctx.call(name, params, { onEvent });
    before += each;
    tell(0);
    return answer;
  };
}

/** Results of an earlier call must not give way to none. */
function refuseNothing({ tests }: Suite): void {
  if (tests.some(({ skipped }) => skipped === undefined)) return;
  const reasons = [...Map.groupBy(tests, ({ skipped }) => skipped)].map(
    ([reason, alike]) => `${[...new Set(alike.map(({ test }) => test))].join(', ')}: ${reason}`,
  );
  throw new Unprocessable(`none of the tests can be made: ${reasons.join('; ')}`, {
    expected: 'a test that the model and the held-out pictures have the signals for',
  });
}

/** The installed CLIP, of a model that reads captions. */
async function findJudge(ctx: EffectContext, config: KeyedConfig): Promise<InstalledClip | undefined> {
  if (!signalsOf(config.model.conditions).includes('text')) return undefined;
  const clip = await findClip(ctx, [config]);
  return typeof clip === 'string' ? undefined : clip;
}

async function findExtractorFor(
  ctx: EffectContext,
  { head }: KeptOf,
  config: Awaited<ReturnType<typeof readConfig>>,
  asked: string | undefined,
): Promise<SuiteExtractor> {
  const installed = new Set(await createRefs(ctx.store).models.list());
  const { extractor, why } = chooseExtractor(config, installed, asked);
  const { encoder, name } = extractor;
  if (encoder?.runs !== 'runner') return { name, why };
  const weights = await findWeights(ctx.store, encoder);
  return { name, why, weights, engine: allowedPrecision(encoder, head.engine) };
}
