/** @file Sets the state of a training on an engine: new, or from the tensors of a checkpoint. */
import { averagesOf } from '../../configs/averages.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import type { State, Tensors } from '../compiler/engine.ts';
import { emptyTensor, type Shape, type Tensor } from '../compiler/tensor.ts';
import {
  emaPrefix,
  type FrozenSpec,
  frozenName,
  initializeParams,
  PARAM_PREFIX,
  type ParamSpec,
} from '../model/params.ts';
import { INITIAL_LOSS_SCALE } from './loss-scale.ts';
import type { LossTerm } from './losses/losses.ts';
import { takeOver } from './take-over.ts';
import { OPTIMIZER_PREFIX, optimizerState } from './update-graph.ts';

/** Largest part of a group of tensors in a checkpoint. A blob may hold 1 GiB. */
export const CHECKPOINT_PART_BYTES = 900 * 2 ** 20;

/** State tensors by group, names without prefix. */
export interface TrainingTensors {
  /** All parameters of model and losses, trained and fixed. */
  readonly model: Readonly<Record<string, Tensor>>;
  readonly optimizer: Readonly<Record<string, Tensor>>;
  /** One group per average, names `<index>.<parameter>`. */
  readonly ema: Readonly<Record<string, Tensor>>;
}

/** Weights of the nets that losses read, by net and parameter. No step changes them. */
export type FrozenNets = Readonly<Record<string, Tensors>>;

/** What decides the names and shapes of the state. */
export interface StateLayout {
  /** The parameters that are trained. */
  readonly specs: readonly ParamSpec[];
  /** The parameters that keep their initial values. They have no moments and no averages. */
  readonly fixed: readonly ParamSpec[];
  readonly config: KeyedConfig;
  readonly scalesLoss: boolean;
}

/** Sets parameters, moments and averages: those of a checkpoint, or initial ones. @throws Unprocessable */
export function loadTensors(state: State, layout: StateLayout, tensors: TrainingTensors): void {
  const { specs, fixed, config, scalesLoss } = layout;
  const { model, optimizer, ema } = tensors;
  for (const { name, shape } of [...specs, ...fixed]) setTensor(state, PARAM_PREFIX, name, model[name], shape);
  for (const [whole, shape] of optimizerState(specs, config.optimizer)) {
    const name = whole.slice(OPTIMIZER_PREFIX.length);
    setTensor(state, OPTIMIZER_PREFIX, name, optimizer[name], shape);
  }
  if (scalesLoss) {
    for (const [name, initial] of Object.entries(INITIAL_LOSS_SCALE)) {
      state.set({ [name]: optimizer[name.slice(OPTIMIZER_PREFIX.length)] ?? initial });
    }
  }
  for (const index of averagesOf(config.optimizer).keys()) {
    for (const { name, shape } of specs) setTensor(state, emaPrefix(index), name, ema[`${index}.${name}`], shape);
  }
}

/**
 * Parameters at step 0. The drawn numbers of one depend on the seed and its name alone.
 * @param start Weights of another training: see {@link takeOver}.
 */
export function drawParams(
  { seed, init_from }: KeyedConfig,
  specs: readonly ParamSpec[],
  start?: Tensors,
): Record<string, Tensor> {
  const draw = (name: string, target: Float32Array) => new RandomStream(seed, `init ${name}`).fillNormal(target);
  const drawn = initializeParams(specs, draw);
  return start ? takeOver(drawn, start, init_from?.fresh ?? []) : drawn;
}

/**
 * The tensors of a training at step 0.
 * @param start Weights of another training: see {@link takeOver}.
 */
export function initialTensors({ specs, fixed, config }: StateLayout, start?: Tensors): TrainingTensors {
  const { optimizer } = config;
  const model = drawParams(config, [...specs, ...fixed], start);
  const moments = [...optimizerState(specs, optimizer)].map(([name, shape]) => [
    name.slice(OPTIMIZER_PREFIX.length),
    emptyTensor({ shape, dtype: 'f32' }),
  ]);
  const trained = specs.map(({ name }) => [name, model[name]] as const);
  const ema = averagesOf(optimizer).flatMap((_, i) => trained.map(([name, tensor]) => [`${i}.${name}`, tensor]));
  return { model, optimizer: Object.fromEntries(moments), ema: Object.fromEntries(ema) };
}

/** Sets the weights of the nets that losses read. @throws Unprocessable when one is missing or of another shape. */
export function loadFrozenNets(state: State, specs: readonly FrozenSpec[], nets: FrozenNets): void {
  for (const spec of specs) {
    const tensor = nets[spec.net]?.[spec.name];
    if (tensor?.shape.join() !== spec.shape.join()) {
      const found = tensor ? `"${spec.name}" of shape [${tensor.shape.join(', ')}]` : `no tensor "${spec.name}"`;
      throw new Unprocessable(`the frozen net "${spec.net}" has ${found}`, {
        expected: `"${spec.name}" of shape [${spec.shape.join(', ')}]`,
      });
    }
    if (tensor) state.set({ [frozenName(spec)]: tensor });
  }
}

function setTensor(state: State, prefix: string, name: string, tensor: Tensor | undefined, shape: Shape): void {
  if (tensor === undefined || tensor.shape.join() !== shape.join()) {
    const found = tensor ? `has ${prefix}${name} of shape [${tensor.shape.join(', ')}]` : `lacks ${prefix}${name}`;
    throw new Unprocessable(`the checkpoint ${found}`, {
      expected: `a tensor of shape [${shape.join(', ')}]`,
      hint: 'go on from a checkpoint of the same config',
    });
  }
  state.set({ [`${prefix}${name}`]: tensor });
}

/** @throws Unprocessable when a loss needs a net without weights. */
export function checkFrozenNets(losses: readonly LossTerm[], nets: FrozenNets): void {
  for (const { name, needs } of losses) {
    const missing = needs?.frozen?.find(net => !Object.hasOwn(nets, net));
    if (missing === undefined) continue;
    throw new Unprocessable(`the loss ${name} needs the frozen net "${missing}", and there are no weights of it`, {
      expected: `its weights under objective.frozen.${missing}: digests of safetensors blobs`,
    });
  }
}
