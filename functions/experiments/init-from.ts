/** @file An experiment that begins with the weights of another one: which checkpoint, and whether they fit. */
import { parseConfig } from '../../configs/parse.ts';
import type { Config, KeyedConfig } from '../../configs/schema.ts';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { nearestName } from '../../configs/suggest.ts';
import { NotFound, Unprocessable } from '../../errors.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import type { ExperimentHead, Origin } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { findCheckpoint } from '../execution/names.ts';
import { listDifferences } from './config-differences.ts';
import { listHeads } from './experiment-head.ts';
import { keepCheckpoint } from './kept-checkpoints.ts';
import { settleStaying } from './settle-origin.ts';

type Wanted = NonNullable<Config['init_from']>;

/** A config whose `init_from` names a checkpoint, where that is from, and what it was trained with. */
export interface Start {
  readonly config: Config;
  readonly origin?: Origin;
  readonly before?: KeyedConfig;
}

/**
 * Chooses the checkpoint of `init_from` and keeps it. A choice that the experiment has made already stays. A place in
 * the picture is what it was for the other training.
 * @throws NotFound, Unprocessable when there is no such checkpoint.
 */
export async function chooseStart(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  config: Config,
  existing: ExperimentHead | undefined,
): Promise<Start> {
  const { init_from: wanted } = config;
  if (wanted === undefined) {
    checkHasBase(config);
    return { config };
  }
  const origin = findChosen(wanted, existing?.init_from) ?? (await findOrigin(store, wanted));
  await keepCheckpoint(blobs, origin.checkpoint);
  const before = await readKeyedConfig(blobs, (await readCheckpoint(blobs, origin.checkpoint)).config);
  const { weights, fresh } = wanted;
  const init_from = { checkpoint: origin.checkpoint, weights, ...(fresh && { fresh }) };
  const { tokens_per_side = before.model.tokens_per_side } = config.model;
  const model = { ...config.model, ...(tokens_per_side !== undefined && { tokens_per_side }) };
  return { config: parseConfig({ ...config, init_from, model }), origin, before };
}

/** @throws Unprocessable for adapters of random matrices that never change. */
function checkHasBase({ model, optimizer }: Config): void {
  if (model.lora === undefined || optimizer.freeze !== undefined) return;
  throw new Unprocessable('model.lora adapts trained weights, and the config has none', {
    expected: 'init_from: { experiment: NAME }, whose weights are adapted',
    hint: 'to train all parameters and adapters together from fresh weights: optimizer.freeze: []',
  });
}

function findChosen(wanted: Wanted, chosen: Origin | undefined): Origin | undefined {
  const { experiment, step = 'latest', checkpoint } = wanted;
  // What a word means changes, and the choice stays.
  const isStep = typeof step === 'string' || step === chosen?.step;
  const isSame = experiment === undefined ? checkpoint === chosen?.checkpoint : experiment === chosen?.experiment;
  return isSame && isStep ? chosen : undefined;
}

async function findOrigin(
  store: ObjectStore,
  { experiment, step = 'latest', checkpoint: digest }: Wanted,
): Promise<Origin> {
  if (experiment !== undefined) {
    const { experiments } = createRefs(store);
    const head = (await experiments.read(experiment))?.value;
    if (head === undefined) throw unknownExperiment(experiment, await experiments.list());
    await settleStaying(store, experiment, head);
    const kept = findCheckpoint(experiment, head, String(step));
    return { experiment, step: kept.step, checkpoint: kept.checkpoint };
  }
  for (const { name, head } of await listHeads(store)) {
    if (head.deleting || head.unsettled) continue;
    const known = [...listKept(head), ...(head.init_from ? [head.init_from] : [])];
    const found = known.find(({ checkpoint }) => checkpoint === digest);
    if (found) return { experiment: name, step: found.step, checkpoint: found.checkpoint };
  }
  throw new NotFound(`init_from: no experiment keeps the checkpoint ${digest}`, {
    expected: 'the digest of a kept checkpoint, or the name of an experiment',
    hint: 'GET /experiments/NAME lists the checkpoints that it keeps',
  });
}

function unknownExperiment(name: string, known: readonly string[]): NotFound {
  const nearest = nearestName(name, known);
  return new NotFound(`init_from: there is no experiment "${name}"`, {
    expected: 'the name of an experiment',
    hint: nearest === undefined ? 'GET /experiments lists them' : `did you mean ${nearest}?`,
  });
}

/**
 * Checks that the weights mean the same in the completed config.
 * @throws Unprocessable naming each key that must be as it was, with both values.
 */
export function checkStart({ before }: Start, { model, objective, init_from }: Config): void {
  if (before === undefined) return;
  const shapeOf = ({ conditions: _, lora: __, tokens_per_side: ___, ...shape }: KeyedConfig['model']) => shape;
  const differences = [
    ...listDifferences(shapeOf(before.model), shapeOf(model), ['model']),
    ...listDifferences(before.objective.prediction_type, objective.prediction_type, ['objective', 'prediction_type']),
    ...listSignalDifferences(before.model.conditions, model.conditions, init_from?.fresh ?? []),
  ];
  if (differences.length === 0) return;
  throw new Unprocessable(`init_from: the weights are of a model with another ${differences.join(', ')}`, {
    expected: 'the same model, with the same signals or more',
    hint: 'a signal that comes from another encoder is learned anew with init_from.fresh: ["text.*"], by its name',
  });
}

type Conditions = KeyedConfig['model']['conditions'];

/** A longer text is no difference: it gets further positions. */
function listSignalDifferences(before: Conditions, after: Conditions, fresh: readonly string[]): string[] {
  return SIGNAL_NAMES.filter(name => !fresh.includes(`${name}.*`)).flatMap(name => {
    const [one, other] = [before?.[name], after?.[name]];
    if (one === undefined) return [];
    const isLonger = other && 'tokens' in one && 'tokens' in other && other.tokens >= one.tokens;
    const comparable = isLonger ? { ...other, tokens: one.tokens } : (other ?? null);
    return listDifferences(one, comparable, ['model', 'conditions', name]);
  });
}
