/** @file Makes a dataset ready for training in one call: runs every data stage, cached page by page. */
import { z } from 'zod';
import { SIGNAL_NAMES } from '../configs/signals.ts';
import { Internal } from '../errors.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { readAllItems } from '../storage/blobs/items.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import type { Dataset, EngineSpec, Note } from '../storage/records.ts';
import { captionsSchema, paramsOfCaptions, refuseUndescribed } from './captions/prepare-captions.ts';
import { curationShape, rulesOf, startCuration } from './curation/curate-dataset.ts';
import type { Rules } from './curation/rules.ts';
import { cropShape } from './datasets/bucket-options.ts';
import { movePreparedDataset, readDatasetHead } from './datasets/dataset-head.ts';
import { noteHolders } from './datasets/note-holders.ts';
import { movesSplits } from './datasets/splits.ts';
import { type StageCounts, stageCounts } from './datasets/stage-counts.ts';
import { summarizeDataset } from './datasets/summarize-dataset.ts';
import { type CallAnswer, defineFunction, type EffectContext } from './define.ts';
import {
  checkEncoders,
  type EncodersOfCall,
  imageOptionsShape,
  optionsFor,
  quantumOf,
} from './encoders/check-encoders.ts';
import { type EncoderSource, signalsMadeBy } from './encoders/encoder.ts';
import { encodersOf, findEncoder } from './encoders/encoders.ts';
import { type FitRequest, fitParts } from './encoders/fit-parts.ts';
import { findWeights } from './encoders/installed-weights.ts';
import { allowedPrecision, requirePrecision } from './encoders/precision.ts';
import { nameUsers } from './experiments/dataset-name.ts';
import { findClassifier } from './experiments/find-classifier.ts';
import { type EngineRequest, engineRequestSchema, resolveEngine } from './experiments/resolve-engine.ts';
import { checkWording, WORDING_ERROR } from './import/drawn-sets.ts';
import { checkSource, importAnswerSchema, importShape, SOURCE_ERROR } from './import/import-body.ts';
import { refuseUncaptioned } from './import/refuse-uncaptioned.ts';
import { limitsShape } from './pictures/limits.ts';
import { putLineageOf } from './provenance/put-lineage.ts';
import { writeDatasetView } from './views/dataset-view.ts';
import { showUsers } from './views/show-users.ts';

/** Most rejects that an answer names. The dataset holds all. */
const MAX_SHOWN_REJECTS = 100;

/** Pictures that are to be trained on fit a bucket. */
const PREPARED_CROPS = ['centre', 'pose', 'attention', 'entropy'] as const;

/** Finds joints on whole pictures that fit into a square of so many pixels: somewhat more than its detector sees. */
const POSE_ENCODER = 'dwpose';
const VIEW_SIDE = 768;

export const prepare = defineFunction({
  name: 'prepare',
  summary:
    'Runs import, inspect, ingest, bucket, mask, pose, caption, encode-text and encode-image in one call, and names the ' +
    'resulting dataset.',
  version: 1,
  kind: 'effect',
  digests: { tar: 'blob' },
  example: { dataset: 'portraits', source: 'portraits', count: 6000, size: 64, seed: 1 },
  input: z
    .strictObject({
      ...importShape,
      size: importShape.size.describe(
        'side of the square bucket in pixels, and the size at which a bundled set is drawn',
      ),
      ...cropShape,
      crop: z
        .enum(PREPARED_CROPS)
        .optional()
        .describe(cropShape.crop.description ?? ''),
      quantum: z
        .int()
        .min(1)
        .max(256)
        .optional()
        .describe('sides of buckets are multiples of this: the patch size; default: 8, or more if a patch has more'),
      ...imageOptionsShape,
      text_encoder: encoderSchema('caption').default('words').describe('encoder of the captions'),
      text_options: z
        .record(z.string().max(40), z.json())
        .optional()
        .describe('options of text_encoder, as encode-text takes them: {"tokens": 128}; default: its own'),
      image_encoders: z
        .array(encoderSchema('image'))
        .min(1)
        .refine(names => new Set(names).size === names.length, { error: 'expected each encoder once' })
        .default(['dct'])
        .describe('encoders of the pictures; each makes signals of its own'),
      given_signals: z
        .enum(['take', 'ignore'])
        .optional()
        .describe(
          'signals that came with the pictures: taken, as by default, in place of those of the encoders, or not',
        ),
      ...limitsShape,
      ...curationShape,
      classifier: z
        .string()
        .min(1)
        .optional()
        .describe('name of a classifier in the store, whose scores the rules may read; default: none'),
      engine: engineRequestSchema
        .optional()
        .describe('engine of encoders that run on one; default: that of the earlier pictures, else `auto`'),
      missing_captions: z.enum(['error', 'empty']).default('error').describe('what caption does with pictures without'),
      captions: captionsSchema.optional(),
    })
    .refine(checkSource, { error: SOURCE_ERROR })
    .refine(checkWording, WORDING_ERROR)
    .superRefine(checkEncoders),
  key: input => canonicalJson(input),
  async run(ctx, input) {
    const { missing_captions: missing, text_encoder: textEncoder, image_encoders: imageEncoders, captions } = input;
    const captionParams = paramsOfCaptions(captions, ctx.describer);
    const importBody = pickKeys(input, Object.keys(importShape));
    const head = await readDatasetHead(ctx.store, input.dataset);
    const encoding = await openEncoders(ctx, input, input.engine, head?.value.engine);
    const classifier =
      input.classifier === undefined
        ? undefined
        : { ...(await findClassifier(ctx, input.classifier, input.engine, head?.value.engine)) };
    const imported = importAnswerSchema.parse(await ctx.callEffect('import', importBody));
    const stages: Record<string, StageCounts> = { import: { pages: imported.pages, items: imported.items } };

    const run: RunStage = async (name, before, params = {}, again = false) => {
      ctx.signal.throwIfAborted();
      const answer = await ctx.call(name, { dataset: before, ...params });
      const digest = datasetOf(name, answer);
      const dataset = await readDataset(ctx.blobs, digest);
      const stage = name in stages ? `${name} ${params.encoder}` : name;
      if (!again) stages[stage] = stageCounts(answer, dataset);
      return { digest, dataset };
    };
    const inspected = await run('inspect', imported.originals, pickKeys(input, Object.keys(limitsShape)));
    const { previous, ...ingested } = await ingestKeepingSplits(ctx, run, inspected.digest, head?.value.dataset);
    const rules = rulesOf(input);
    // The record of each crop, for rules that read it.
    const cropping = { ...(rules && { crop: 'centre' }), ...pickKeys(input, Object.keys(cropShape)) };
    const findJoints = async ({ digest }: MadeDataset, again: boolean) => {
      const whole = await run('bucket', digest, { size: VIEW_SIDE, crop: 'whole' }, true);
      return run('detect-pose', whole.digest, encoding.paramsOf(POSE_ENCODER), again);
    };
    const curation = await startCuration(ctx, input.dataset, ingested, rules, {
      ingest: selection => run('ingest', inspected.digest, { ...previous, selection }, true),
      curate: ({ digest }, again) => run('curate', digest, {}, again),
      async shape(from, again) {
        const seen = looksForJoints(input, rules) ? await findJoints(from, again) : from;
        const params = { size: input.size, quantum: quantumOf(input), ...cropping };
        const bucketed = await run('bucket', seen.digest, params, again);
        const items = await readAllItems(ctx.blobs, bucketed.dataset);
        const masked = items.some(item => item.mask) ? await run('mask', bucketed.digest, {}, again) : bucketed;
        const posed = items.some(item => item.pose) ? await run('pose', masked.digest, {}, again) : masked;
        // No caption is missing, unless that is wanted. A model sees the picture as it is trained on.
        const captioned = await run('caption', posed.digest, captionParams, again);
        return classifier ? run('classify', captioned.digest, classifier, again) : captioned;
      },
    });
    if (missing === 'error' && captions === undefined)
      await refuseUncaptioned(ctx.blobs, curation.ingested.dataset, 'missing_captions');
    const { made: captioned, summary: curated } = await curation.finish();
    if (missing === 'error') refuseUndescribed(captioned.dataset);
    const textParams = { ...encoding.paramsOf(textEncoder), ...input.text_options };
    const given = SIGNAL_NAMES.filter(
      signal => input.given_signals !== 'ignore' && captioned.dataset.given?.[signal] !== undefined,
    );
    const isGiven = (name: string) => signalsMadeBy(findEncoder(name)).every(signal => given.includes(signal));
    let made = isGiven(textEncoder) ? captioned : await run('encode-text', captioned.digest, textParams);
    const before = head && (await readDataset(ctx.blobs, head.value.dataset));
    for (const name of imageEncoders) {
      if (isGiven(name)) continue;
      const options = optionsFor(findEncoder(name), input);
      const fitted = await encoding.fit(name, options, { dataset: made.digest, before });
      made = await run('encode-image', made.digest, { ...encoding.paramsOf(name, fitted), ...options });
    }

    if (given.length > 0) made = await run('take-signals', made.digest, { signals: [...given] });
    const { digest } = made;
    if (head && head.value.dataset !== digest) await nameUsers(ctx.store, input.dataset, head.value.dataset);
    const known = head?.value.lineage;
    const record = known?.of === digest ? known.record : await putLineageOf(ctx, digest);
    await movePreparedDataset(ctx.store, input.dataset, digest, imported.originals, record, encoding.engine);
    await writeDatasetView(ctx, input.dataset);
    await showUsers(ctx, input.dataset);
    const holders = await noteHolders(ctx, input.dataset, digest);
    return { ...describe(input.dataset, made, imported, stages, holders), ...(curated && { curation: curated }) };
  },
});

/** Whether the crop, or a rule about it, needs joints of whole pictures, which the encoder of poses finds. */
function looksForJoints(
  { crop, image_encoders }: Pick<EncodersOfCall, 'image_encoders'> & { readonly crop?: string | undefined },
  rules: Rules | undefined,
): boolean {
  return image_encoders.includes(POSE_ENCODER) && (crop === 'pose' || rules?.joints_lost !== undefined);
}

interface MadeDataset {
  readonly digest: Digest;
  readonly dataset: Dataset;
}

type RunStage = (
  name: string,
  before: Digest,
  params?: Readonly<Record<string, Json>>,
  /** The stage has run in this call: it is not counted again. */
  again?: boolean,
) => Promise<MadeDataset>;

/** Finds engine and weights of the encoders that need them, before any work begins. */
async function openEncoders(
  ctx: EffectContext,
  { text_encoder, image_encoders }: EncodersOfCall,
  asked: EngineRequest | undefined,
  earlier: EngineSpec | undefined,
) {
  const needy = [text_encoder, ...image_encoders]
    .map(name => findEncoder(name))
    .filter(({ runs }) => runs === 'runner');
  if (needy.length === 0) return { paramsOf: (encoder: string) => ({ encoder }), fit: async () => ({}) };
  const weights = new Map<string, Record<string, Digest[]>>();
  for (const encoder of needy) weights.set(encoder.name, await findWeights(ctx.store, encoder));
  const stays = asked === undefined && earlier !== undefined;
  const engine = stays ? earlier : resolveEngine(await ctx.runner.status(), asked ?? 'auto');
  const namesPrecision = typeof asked === 'object' && asked.precision !== undefined;
  if (namesPrecision) for (const encoder of needy) requirePrecision(encoder, engine);
  return {
    engine,
    /** @param fitted Further parts of the weights. */
    paramsOf(encoder: string, fitted: Record<string, Digest[]> = {}): Record<string, Json> {
      const own = weights.get(encoder);
      if (own === undefined) return { encoder };
      const used = namesPrecision ? engine : allowedPrecision(findEncoder(encoder), engine);
      return { encoder, engine: used, weights: { ...own, ...fitted } };
    },
    async fit(name: string, options: FitRequest['options'], to: Pick<FitRequest, 'dataset' | 'before'>) {
      const own = weights.get(name);
      return own ? fitParts(ctx, { encoder: findEncoder(name), options, weights: own, engine, ...to }) : {};
    },
  };
}

/**
 * A dataset that only grew keeps its splits, so the call does not depend on the dataset that the name meant before. If
 * the splits would move (the pictures were imported again in another order), passes the earlier dataset on to keep
 * them.
 * @returns The dataset, and the parameter with the earlier one if it was passed on.
 */
async function ingestKeepingSplits(
  ctx: EffectContext,
  run: RunStage,
  inspected: Digest,
  before: Digest | undefined,
): Promise<MadeDataset & { readonly previous: { readonly previous?: Digest } }> {
  const ingested = await run('ingest', inspected);
  if (before === undefined || !(await movesSplits(ctx.blobs, before, ingested.digest)))
    return { ...ingested, previous: {} };
  const previous = { previous: before };
  return { ...(await run('ingest', inspected, previous)), previous };
}

function encoderSchema(reads: EncoderSource) {
  return z.enum(encodersOf(reads).map(({ name }) => name) as [string, ...string[]]);
}

function pickKeys(from: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, Json> {
  return Object.fromEntries(keys.flatMap(key => (from[key] === undefined ? [] : [[key, from[key] as Json]])));
}

function datasetOf(name: string, { result }: CallAnswer): Digest {
  const { dataset } = result.outputs;
  if (dataset === undefined) throw new Internal(`${name} made no dataset`);
  return dataset.digest;
}

function describe(
  name: string,
  { digest, dataset }: MadeDataset,
  { originals, counts: { removed } }: z.output<typeof importAnswerSchema>,
  stages: Readonly<Record<string, StageCounts>>,
  holders: readonly Note[],
) {
  const { encoders, rejects } = dataset;
  const notes = [...(dataset.notes ?? []), ...holders];
  const { counts, ...summary } = summarizeDataset({ ...dataset, counts: { ...dataset.counts, removed }, notes });
  return {
    v: 1,
    dataset: name,
    digest,
    originals,
    stages: Object.fromEntries(Object.entries(stages).map(([stage, { pages, items }]) => [stage, { pages, items }])),
    counts,
    encoders: { ...encoders },
    removed,
    rejects: rejects.slice(0, MAX_SHOWN_REJECTS),
    ...summary,
  };
}
