/** @file A branch is a new experiment that begins at a checkpoint of another one, under a config that may differ. */
import { checkEffects } from '../../configs/check-effects.ts';
import { overrideConfig } from '../../configs/presets.ts';
import { type Config, keyedConfig } from '../../configs/schema.ts';
import type { CheckpointWord } from '../../configs/stored-names.ts';
import { BlobMissing, Conflict } from '../../errors.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { completeBranch } from '../experiments/complete-config.ts';
import { listDifferences } from '../experiments/config-differences.ts';
import { completeFrozenNets, keepWeights } from '../experiments/config-weights.ts';
import { changeHead, checkData, readConfig, readHead, refuseDeleting } from '../experiments/experiment-head.ts';
import { extensionsUpTo } from '../experiments/extension.ts';
import { inheritLineage } from '../experiments/inherit-lineage.ts';
import { chooseKept, keepCheckpoint, requireBranchPoint } from '../experiments/kept-checkpoints.ts';
import { formerAt } from '../experiments/move-to-dataset.ts';
import { firstPlan } from '../experiments/plan-changes.ts';
import {
  listEngineDifferences,
  resolveEngine,
  resolvePlan,
  type TrainingEngineRequest,
} from '../experiments/resolve-engine.ts';
import { isSameDataset, tellOtherDataset } from '../experiments/same-dataset.ts';
import { settleOrigin, settleStaying } from '../experiments/settle-origin.ts';
import { checkSuccession } from '../experiments/succession.ts';
import { checkAhead, checkTarget, targetOf } from '../experiments/training-target.ts';
import { keepChoices } from '../experiments/tune-engine.ts';
import { viewOf } from '../views/experiment-view.ts';
import { showHead } from '../views/show-head.ts';
import { changeRun, fixedPart } from './change-run.ts';
import { checkSameExperiment, claimName } from './claim-name.ts';
import type { CreateContext, Created } from './create-experiment.ts';

export interface BranchRequest {
  /** Of the new experiment. */
  readonly name: string;
  /** A checkpoint that the parent keeps: its step, its digest, or a word for it. */
  readonly from: number | Digest | CheckpointWord;
  /** Keys that differ from the parent's config. */
  readonly config: Readonly<Record<string, unknown>>;
  /**
   * Samples to train up to; beyond `optimizer.total_samples` the schedules are stretched. Left out: as the config says,
   * or as far as the parent where that was extended.
   */
  readonly target?: number | undefined;
  /** Left out: the parent's engine and plan. */
  readonly engine?: TrainingEngineRequest | undefined;
}

/**
 * Creates the branch, or finds an equal earlier one, and shows it. The branch does not depend on the later fate of its
 * parent.
 * @throws NotFound if the parent does not exist or does not keep that checkpoint; Unprocessable for a change of a key
 * that cannot change, or a target behind the checkpoint; Conflict with the differences if the name belongs to another
 * experiment.
 */
export async function branchExperiment(ctx: CreateContext, parent: string, request: BranchRequest): Promise<Created> {
  const branch = await createOrFind(ctx, parent, request);
  await showHead(viewOf(ctx, request.name));
  return branch;
}

async function createOrFind(ctx: CreateContext, parent: string, request: BranchRequest): Promise<Created> {
  const { store, blobs } = ctx;
  const refs = createRefs(store).experiments;
  const found = (await refs.read(request.name))?.value;
  const existing = found && (await takeExisting(store, parent, request.name, found));
  if (existing?.branched_from?.experiment === parent && (await refs.read(parent)) === undefined) {
    return checkOrphan(ctx, parent, request, existing);
  }
  const head = await readParent(store, parent);
  const before = await readConfig(blobs, head);
  const changed = changeConfig(before, request);
  const whole = head.dataset_deleted ? changed : await completeBranch(blobs, before, changed, head.dataset);
  const config = await completeFrozenNets(store, whole);
  // A stated target stretches the schedules, as in `train`, and a branch of that branch inherits both.
  if (request.target === undefined && !hasEqualLength(before, config)) checkTarget(config);
  checkSuccession(keyedConfig(before), keyedConfig(config));
  const wanted: Wanted = { parent, head, config };
  if (existing) return checkSame(ctx, request, wanted, existing);

  checkData(parent, head);
  checkEffects(config, before);
  const point = chooseKept(parent, head, request.from);
  const target = request.target ?? chooseTarget(before, head.target, config);
  checkAhead(target, point.step, config.data.batch_size);
  const { engine, plan } = request.engine === undefined ? head : await resolveDevice(ctx, request.engine, config);
  await blobs.keep(head.dataset);
  await keepCheckpoint(blobs, point.checkpoint);
  await keepChoices(blobs, engine);
  const weights = await keepWeights(blobs, config);
  const branch: ExperimentHead = {
    v: 2,
    checkpoint: point.checkpoint,
    config: (await putDocument(blobs, config)).digest,
    dataset: head.dataset,
    ...(head.dataset_name !== undefined && { dataset_name: head.dataset_name }),
    ...formerAt(head, point.step),
    ...(weights.length > 0 && { weights }),
    engine,
    plan,
    target,
    state: 'paused',
    history: [point],
    chunks: [],
    superseded: [],
    pinned: [],
    branched_from: { experiment: parent, ...point },
    unsettled: true,
    ...(await inheritLineage(blobs, head, point)),
    ...extensionsUpTo(point.step * config.data.batch_size, head),
  };
  const winner = await claimName(store, request.name, branch);
  if (winner) return checkSame(ctx, request, wanted, await takeExisting(store, parent, request.name, winner));
  return { head: await settleOrigin(store, request.name, branch), config, created: true };
}

/** The other experiment, from which no run begins while it is being deleted. */
async function readParent(store: ObjectStore, name: string): Promise<ExperimentHead> {
  const { value: head } = await readHead(store, name);
  return settleStaying(store, name, head);
}

/** A branch that is there. What a killed call has left to do, this one does. */
async function takeExisting(store: ObjectStore, parent: string, name: string, head: ExperimentHead) {
  if (head.branched_from?.experiment === parent) return settleStaying(store, name, head);
  refuseDeleting(name, head);
  return head;
}

function changeConfig(config: Config, { config: changes, target }: BranchRequest): Config {
  const changed = overrideConfig(config, changes);
  return target === undefined ? changed : overrideConfig(changed, { run: { target } });
}

function hasEqualLength(one: Config, other: Config): boolean {
  return one.run.target === other.run.target && one.optimizer.total_samples === other.optimizer.total_samples;
}

/** The parent, and what the branch must be. */
interface Wanted {
  readonly parent: string;
  /** Undefined: the parent was deleted. */
  readonly head: ExperimentHead | undefined;
  readonly config: Config;
}

/** @param extended The target of the parent now. */
function chooseTarget(before: Config, extended: number, config: Config): number {
  return targetOf(config) === targetOf(before) ? Math.max(extended, targetOf(config)) : targetOf(config);
}

async function resolveDevice({ runner }: CreateContext, request: TrainingEngineRequest, { data }: Config) {
  return { engine: resolveEngine(await runner.status(), request), plan: resolvePlan(request, data) };
}

/**
 * Finds a branch whose parent was deleted. Compares only the keys that the body names: the config of the parent, which
 * has the others, is lost.
 * @throws Conflict with the differences; Conflict if the config of the branch is lost, too.
 */
async function checkOrphan(
  ctx: CreateContext,
  parent: string,
  request: BranchRequest,
  branch: ExperimentHead,
): Promise<Created> {
  const config = changeConfig(await readOrphanConfig(ctx, parent, request.name, branch), request);
  return checkSame(ctx, request, { parent, head: undefined, config }, branch);
}

async function readOrphanConfig({ blobs }: CreateContext, parent: string, name: string, branch: ExperimentHead) {
  try {
    return await readConfig(blobs, branch);
  } catch (error) {
    if (!(error instanceof BlobMissing)) throw error;
    const reason = `the experiment "${parent}" was deleted, and the config of "${name}" is lost`;
    throw new Conflict(`the experiment "${name}" exists and cannot be compared with the body: ${reason}`, {
      hint: `choose another name, or DELETE /experiments/${name} first`,
      cause: error,
    });
  }
}

async function checkSame(
  { store, blobs }: CreateContext,
  { name, from, engine, config: changes }: BranchRequest,
  { parent, head, config }: Wanted,
  branch: ExperimentHead,
): Promise<Created> {
  // Only this call can make a config again that was lost.
  if (canonicalDigest(config) === branch.config) await putDocument(blobs, config);
  const stored = await readConfig(blobs, branch);
  const { branched_from: point } = branch;
  // What a word means changes, and the branch stays.
  const isWord = typeof from === 'string' && !isDigest(from);
  const isFrom = isWord || from === point?.step || from === point?.checkpoint;
  checkSameExperiment(name, [
    ...(point?.experiment === parent ? [] : [`parent (${point?.experiment ?? 'none'}, not ${parent})`]),
    ...(isFrom ? [] : [`from (${point?.step ?? 'none'}, not ${from})`]),
    ...(head === undefined ? [] : await listDataDifferences(blobs, branch, head)),
    ...listDifferences(fixedPart(stored), fixedPart(config)),
    ...(engine === undefined ? [] : listEngineDifferences(engine, { ...branch, plan: firstPlan(branch) })),
  ]);
  if (branch.checkpoint === point?.checkpoint) await requireBranchPoint(blobs, name, branch);
  const restored = await restoreData({ store, blobs }, name, head, branch);
  // Only what the body names: the keys of the parent may have changed since.
  const wanted = overrideConfig(stored, { run: changes.run ?? {} });
  const changed = await changeRun({ store, blobs }, name, { head: restored, config: stored }, wanted);
  return { ...changed, created: false };
}

/** None if the parent moved to another dataset since it was branched, or the branch did. */
async function listDataDifferences(blobs: BlobStore, branch: ExperimentHead, parent: ExperimentHead) {
  const before = (head: ExperimentHead) => (head.former_datasets ?? []).map(({ dataset }) => dataset);
  if (before(parent).includes(branch.dataset) || before(branch).includes(parent.dataset)) return [];
  return tellOtherDataset(blobs, branch.dataset, parent.dataset);
}

/** The dataset was deleted, and the parent has it again. */
async function restoreData(
  { store, blobs }: Pick<CreateContext, 'store' | 'blobs'>,
  name: string,
  parent: ExperimentHead | undefined,
  branch: ExperimentHead,
) {
  if (!branch.dataset_deleted || parent === undefined || parent.dataset_deleted) return branch;
  if (!(await isSameDataset(blobs, branch.dataset, parent.dataset))) return branch;
  return changeHead(store, name, ({ dataset_deleted: _, ...whole }) => whole);
}
