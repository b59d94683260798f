/**
 * @file Parameters of a model. The model declares each parameter where it uses it, so a trace of the model lists them
 * all.
 */
import type { ModelConfig } from '../../configs/schema.ts';
import type { Weight } from '../compiler/composites.ts';
import type { Tensors } from '../compiler/engine.ts';
import type { Shape, Tensor } from '../compiler/tensor.ts';
import { sizeOf } from '../compiler/tensor.ts';
import type { Builder, Value } from '../compiler/trace.ts';
import { isAdapted, loraNames, loraScale } from './lora.ts';

/**
 * matrix: a matrix inside a block. embedding: a learned vector, or a table of them, that no input multiplies. other:
 * input, output and modulation maps, gains and biases.
 */
export type ParamGroup = 'matrix' | 'embedding' | 'other';

export interface ParamSpec {
  readonly name: string;
  readonly shape: Shape;
  /** Standard deviation of the initial normal numbers; 0 for zeros. */
  readonly std: number;
  /** Mean of the initial numbers; 1 for gains. */
  readonly mean: number;
  readonly group: ParamGroup;
}

/** State names: `model.` and the parameter's name. */
export const PARAM_PREFIX = 'model.';

/** Parameters, named without prefix, as state. */
export function paramState(weights: Tensors): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [`${PARAM_PREFIX}${name}`, tensor]));
}

/** State names of an average of the parameters: `ema0.` for the first of config.ema_gammas, and so on. */
export const emaPrefix = (index: number): string => `ema${index}.`;

/** State names of a frozen net: `frozen.`, the net's name, `.` and the parameter's name. */
export const FROZEN_PREFIX = 'frozen.';

/** A parameter of a net that is never trained: a teacher, a perceptual net. */
export interface FrozenSpec {
  readonly net: string;
  readonly name: string;
  readonly shape: Shape;
}

export const frozenName = ({ net, name }: Pick<FrozenSpec, 'net' | 'name'>): string => `${FROZEN_PREFIX}${net}.${name}`;

export interface ParamOptions {
  readonly std?: number;
  readonly mean?: number;
  readonly group?: ParamGroup;
}

/** The keys of a model that decide how its parameters start, and which have adapters. */
export type ParamRules = Pick<ModelConfig, 'init' | 'zero_init' | 'lora'>;

/** Hands out parameters as named state and remembers what it handed out. */
export class Params {
  readonly builder: Builder;
  readonly #model: ParamRules;
  readonly #stateName: (name: string) => string;
  readonly #specs = new Map<string, ParamSpec>();
  readonly #frozen = new Map<string, FrozenSpec>();

  /** @param stateName Name of the state that has a parameter; absent: its trained numbers. */
  constructor(builder: Builder, model: ParamRules = {}, stateName = (name: string) => `${PARAM_PREFIX}${name}`) {
    this.builder = builder;
    this.#model = model;
    this.#stateName = stateName;
  }

  get specs(): readonly ParamSpec[] {
    return [...this.#specs.values()];
  }

  /** The frozen parameters that were handed out. */
  get frozenSpecs(): readonly FrozenSpec[] {
    return [...this.#frozen.values()];
  }

  /**
   * A parameter of a frozen net. The graph only reads it: it has no gradient, no moments and no average, and no
   * checkpoint holds it.
   */
  frozen(net: string, name: string, shape: Shape): Value {
    const stateName = frozenName({ net, name });
    this.#frozen.set(stateName, { net, name, shape });
    return this.builder.state(stateName, { shape, dtype: 'f32' });
  }

  get(name: string, shape: Shape, { std = 0, mean = 0, group = 'other' }: ParamOptions = {}): Value {
    this.#specs.set(name, { name, shape, std, mean, group });
    return this.builder.state(this.#stateName(name), { shape, dtype: 'f32' });
  }

  /**
   * A weight [in, out] of a linear map: normal, with variance 1 / in, or 2 / (in + out) with `init: xavier`; with its
   * adapter where the model has one.
   */
  weight(name: string, inputs: number, outputs: number, group: ParamGroup = 'other'): Weight {
    const std = this.#model.init === 'xavier' ? Math.sqrt(2 / (inputs + outputs)) : 1 / Math.sqrt(inputs);
    const base = this.get(name, [inputs, outputs], { std, group });
    const { lora } = this.#model;
    if (!isAdapted(lora, name)) return base;
    const { rank } = lora;
    const names = loraNames(name);
    const down = this.get(names.down, [inputs, rank], { std: 1 / Math.sqrt(inputs) });
    return { base, down, up: this.zeros(names.up, [rank, outputs]), scale: loraScale(lora) };
  }

  /** A weight [in, out] that starts at 0, unless the model's `zero_init` is false. */
  zeroWeight(name: string, inputs: number, outputs: number): Weight {
    return this.#model.zero_init === false ? this.weight(name, inputs, outputs) : this.zeros(name, [inputs, outputs]);
  }

  /** A learned vector [size], or a table of them [vectors, size]. */
  embedding(name: string, shape: Shape, std = 0.02): Value {
    return this.get(name, shape, { std, group: 'embedding' });
  }

  zeros(name: string, shape: Shape): Value {
    return this.get(name, shape);
  }

  /** A gain that starts at 1. */
  gain(name: string, size: number): Value {
    return this.get(name, [size], { mean: 1 });
  }
}

/** Fills `target` with normal numbers for the parameter of that name. */
export type NormalSource = (name: string, target: Float32Array) => void;

/** Parameters at step 0, by name without prefix. */
export function initializeParams(specs: readonly ParamSpec[], fillNormal: NormalSource): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const { name, shape, std, mean } of specs) {
    const data = new Float32Array(sizeOf(shape));
    if (std > 0) fillNormal(name, data);
    for (let i = 0; i < data.length; i++) data[i] = mean + std * (data[i] ?? 0);
    tensors[name] = { shape, dtype: 'f32', data };
  }
  return tensors;
}
