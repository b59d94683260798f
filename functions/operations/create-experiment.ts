/**
 * @file Creates an experiment from a request. Resolves open choices once, from dataset and gpu-runner, and stores them.
 */

import { checkEffects } from '../../configs/check-effects.ts';
import { resolveConfig } from '../../configs/presets.ts';
import { type Config, keyedConfig } from '../../configs/schema.ts';
import type { Translation } from '../../configs/seed-block/translate-block.ts';
import { readWrittenConfig, type WrittenConfig } from '../../configs/written-config.ts';
import { InvalidInput } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { checkPatterns } from '../experiments/check-patterns.ts';
import { atLargest, completeConfig, takeEarlierChoices } from '../experiments/complete-config.ts';
import { listDifferences } from '../experiments/config-differences.ts';
import { completeFrozenNets, keepWeights } from '../experiments/config-weights.ts';
import { findDatasetName } from '../experiments/dataset-name.ts';
import { changeHead, type Experiment, readConfig } from '../experiments/experiment-head.ts';
import { fitPlan, type Planning } from '../experiments/fit.ts';
import { inheritLineage } from '../experiments/inherit-lineage.ts';
import { checkStart, chooseStart } from '../experiments/init-from.ts';
import { noteEmptyPlaces } from '../experiments/note-empty-places.ts';
import { noteHeldOut } from '../experiments/note-held-out.ts';
import { noteIdleSwitches } from '../experiments/note-idle-switches.ts';
import { noteSided } from '../experiments/note-sided.ts';
import { firstPlan } from '../experiments/plan-changes.ts';
import {
  askedPlan,
  listEngineDifferences,
  resolveEngine,
  resolvePlan,
  type TrainingEngineRequest,
  wishEngine,
} from '../experiments/resolve-engine.ts';
import { tellOtherDataset } from '../experiments/same-dataset.ts';
import { settleOrigin, settleStaying } from '../experiments/settle-origin.ts';
import { settleTranslation } from '../experiments/settle-translation.ts';
import { findPictureSize } from '../experiments/training-size.ts';
import { checkTarget, targetOf } from '../experiments/training-target.ts';
import { keepChoices } from '../experiments/tune-engine.ts';
import { uniteDatasets } from '../experiments/unite-datasets.ts';
import { fitWarmup } from '../experiments/warmup.ts';
import { type ViewSite, viewOf } from '../views/experiment-view.ts';
import { showHead } from '../views/show-head.ts';
import { changeRun, fixedPart } from './change-run.ts';
import { checkSameExperiment, claimName } from './claim-name.ts';

export interface ExperimentRequest {
  readonly config: WrittenConfig;
  /** Absent: the sets that the config names under `data.datasets`. */
  readonly dataset?: Digest | undefined;
  /** The name by which the caller asks for the dataset: others may mean the same. */
  readonly called?: string | undefined;
  readonly engine: TrainingEngineRequest;
}

/** A request whose dataset is known. */
type SettledRequest = ExperimentRequest & { readonly dataset: Digest };

export interface CreateContext extends ViewSite {
  readonly runner: RunnerClient;
  /** Plans memory; absent: only bounds decide whether the training fits. */
  readonly executor?: Planning;
}

export interface Created extends Experiment {
  /** False: it was there, as asked for. */
  readonly created: boolean;
  /** What a person should know of its data. */
  readonly notes?: readonly Note[];
  /** What became of a config of the original project. */
  readonly translation?: Translation;
}

/**
 * Creates the experiment, or finds an equal earlier one, and shows it.
 * @throws Conflict with the differences if the name belongs to another experiment; Busy if `engine` must be resolved
 * and no gpu-runner answers.
 */
export async function createExperiment(ctx: CreateContext, name: string, request: ExperimentRequest): Promise<Created> {
  const { config, translation } = readWrittenConfig(request.config);
  const made = await createOrFind(ctx, name, { ...request, config, translation });
  await showHead(viewOf(ctx, name));
  return translation ? { ...made, translation: settleTranslation(translation, made.head) } : made;
}

/** A request whose config is Easel's. */
interface ReadRequest extends ExperimentRequest {
  readonly translation: Translation | undefined;
}

async function createOrFind(ctx: CreateContext, name: string, given: ReadRequest): Promise<Created> {
  const dataset = await chooseDataset(ctx, given.dataset, await resolveConfig(given.config));
  const resolved = await resolveConfig(given.config, () => findPictureSize(ctx.blobs, dataset));
  const asked = fitWarmup(resolved, given.config);
  checkTarget(asked);
  const request = { ...given, dataset };
  await ctx.blobs.keep(dataset);
  const found = await createRefs(ctx.store).experiments.read(name);
  const existing = found && (await settleStaying(ctx.store, name, found.value));
  const start = await chooseStart(ctx, asked, existing);
  const { config: written, origin } = start;
  const whole = await completeConfig(ctx.blobs, written, request.dataset);
  checkStart(start, whole.config);
  const notes = [
    // Of a dataset that tells its sizes, every answer of the experiment says so.
    ...(whole.dataset.buckets ? [] : noteEmptyPlaces(whole.sizes, whole.config.data)),
    ...(await noteSided(ctx.blobs, whole.dataset, whole.config)),
    ...(await noteHeldOut(ctx.blobs, whole.dataset, whole.config.run)),
    ...noteIdleSwitches(whole.config.model),
  ];
  if (existing) {
    return { ...(await checkSame(ctx, name, request, { whole: whole.config, written }, existing)), notes };
  }
  checkEffects(whole.config);
  const config = await completeFrozenNets(ctx.store, whole.config);

  const status = await ctx.runner.status();
  const wish = request.translation ? wishEngine(status, request.engine, request.translation) : request.engine;
  const engine = resolveEngine(status, wish);
  await keepChoices(ctx.blobs, engine);
  const usual = resolvePlan(wish, config.data);
  await checkPatterns(ctx, status, config, engine);
  const plan = await fitPlan(ctx, status, atLargest(whole), engine, askedPlan(wish), usual);
  const weights = await keepWeights(ctx.blobs, config);
  await putDocument(ctx.blobs, keyedConfig(config));
  const called = await findDatasetName(ctx.store, request.dataset, request.called);
  const parent = origin && (await createRefs(ctx.store).experiments.read(origin.experiment))?.value;
  const head: ExperimentHead = {
    v: 2,
    config: await putConfig(ctx.blobs, config),
    dataset: request.dataset,
    ...(called !== undefined && { dataset_name: called }),
    engine,
    plan,
    target: targetOf(config),
    state: 'paused',
    history: [],
    chunks: [],
    superseded: [],
    pinned: [],
    ...(weights.length > 0 && { weights }),
    ...(origin && { init_from: origin, unsettled: true as const }),
    ...(origin && (await inheritLineage(ctx.blobs, parent, origin))),
  };
  const winner = await claimName(ctx.store, name, head);
  if (winner) {
    const taken = await settleStaying(ctx.store, name, winner);
    return { ...(await checkSame(ctx, name, request, { whole: config, written }, taken)), notes };
  }
  return { head: await settleOrigin(ctx.store, name, head), config, created: true, notes };
}

/** The dataset of the call, or the union of those of the config. */
async function chooseDataset(ctx: CreateContext, named: Digest | undefined, { data, model }: Config): Promise<Digest> {
  if (named !== undefined && data.datasets !== undefined) {
    throw new InvalidInput('the call names a dataset, and so does data.datasets of the config', {
      expected: 'one of the two',
    });
  }
  if (data.datasets !== undefined) return uniteDatasets(ctx, data.datasets, model.conditions);
  if (named !== undefined) return named;
  throw new InvalidInput('dataset is missing', {
    expected: 'the name or digest of a dataset, or data.datasets in the config',
    hint: 'GET /datasets lists the data sets',
  });
}

async function putConfig(blobs: BlobStore, config: Config): Promise<Digest> {
  return (await putDocument(blobs, config)).digest;
}

async function checkSame(
  ctx: CreateContext,
  name: string,
  request: SettledRequest,
  { whole, written }: { readonly whole: Config; readonly written: Config },
  head: ExperimentHead,
): Promise<Created> {
  // Only this call can make a config again that was lost.
  if (canonicalDigest(whole) === head.config) await putConfig(ctx.blobs, whole);
  const stored = await readConfig(ctx.blobs, head);
  const config = takeEarlierChoices(whole, written, stored);
  const otherData = await tellOtherDataset(ctx.blobs, head.dataset, request.dataset);
  const others = [
    ...listDifferences(fixedPart(stored), fixedPart(config)),
    ...listEngineDifferences(request.engine, { ...head, plan: firstPlan(head) }),
  ];
  const isMoveAll = others.length === 0 && otherData.length > 0;
  const hints = isMoveAll ? [await adviseMove(ctx.store, name, request)] : [];
  checkSameExperiment(name, [...others, ...otherData], hints);
  const restored = await restoreData(ctx.store, name, head);
  return { ...(await changeRun(ctx, name, { head: restored, config: stored }, config)), created: false };
}

/** The call that takes the run to the dataset that was asked for, when nothing else differs. */
async function adviseMove(store: ObjectStore, name: string, { dataset, called }: SettledRequest): Promise<string> {
  const body = { dataset: (await findDatasetName(store, dataset, called)) ?? dataset };
  return `POST /experiments/${name}/train ${JSON.stringify(body)} moves it to that dataset with its checkpoint`;
}

/** The dataset was deleted, and is there again. */
async function restoreData(store: ObjectStore, name: string, head: ExperimentHead): Promise<ExperimentHead> {
  if (!head.dataset_deleted) return head;
  return changeHead(store, name, ({ dataset_deleted: _, ...whole }) => whole);
}
