/**
 * @file The `update` graph: clipping by global norm, check of the norm, AdamW, Muon and EMA. A gradient that is not
 * finite or too large changes nothing: its numbers pass a select, and every rate is 0.
 */

import { averagesOf } from '../../configs/averages.ts';
import type { OptimizerConfig } from '../../configs/optimizer.ts';
import type { Engine, Tensors } from '../compiler/engine.ts';
import { add, and, concat, div, less, min, mul, reshape, select, sqrt, sub, sumAll } from '../compiler/functions.ts';
import type { Graph } from '../compiler/graph.ts';
import { mixPrecision } from '../compiler/passes/mixed-precision.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { type Builder, trace, type Value } from '../compiler/trace.ts';
import { verify } from '../compiler/verify.ts';
import { emaPrefix, PARAM_PREFIX, type ParamSpec } from '../model/params.ts';
import { GRAD_PREFIX } from './grad-graph.ts';
import { nextLossScale, readLossScale } from './loss-scale.ts';
import { type Direction, isNewtonSchulz, orthogonalizeAll } from './muon.ts';
import { adamwRateShare, isDecayed, optimizerOf } from './param-groups.ts';

export const OPTIMIZER_PREFIX = 'optimizer.';

/** A norm above this counts as not finite: its square is near the largest f32. */
export const LARGEST_NORM = 1e15;

/** Names and shapes of the optimizer's own state. It is 0 at the start of training. */
export function optimizerState(specs: readonly ParamSpec[], config: OptimizerConfig): Map<string, ParamSpec['shape']> {
  const state = new Map<string, ParamSpec['shape']>();
  for (const spec of specs) {
    for (const moment of optimizerOf(spec, config) === 'muon' ? ['momentum'] : ['m', 'v']) {
      state.set(`${OPTIMIZER_PREFIX}${moment}.${spec.name}`, spec.shape);
    }
  }
  return state;
}

export interface UpdateGraphOptions {
  /** True divides the gradients by the state of loss-scale.ts, and writes the next scale. */
  readonly scalesLoss?: boolean;
}

/**
 * Inputs, all scalars: learning_rate; adamw_step_size, the rate of AdamW's parameters over the bias correction of m;
 * adamw_v_scale, 1 / sqrt of the bias correction of v; norm_limit, from which on a gradient changes nothing; one
 * ema_rate_<i> = 1 - beta for each average. Outputs: grad_norm before clipping; grad_norms [parameters], the norm of
 * each parameter's gradient in the order of `specs`; taken (1 or 0); with `scalesLoss` loss_scale, the factor that the
 * gradients had.
 */
export function traceUpdateGraph(
  specs: readonly ParamSpec[],
  config: OptimizerConfig,
  { scalesLoss = false }: UpdateGraphOptions = {},
): Graph {
  const graph = trace(builder => {
    const scalar = (name: string) => builder.input(name, { shape: [], dtype: 'f32' });
    const read = (name: string, spec: ParamSpec) => builder.state(name, { shape: spec.shape, dtype: 'f32' });
    const lossScale = scalesLoss ? readLossScale(builder) : undefined;
    const gradients = specs.map(spec => {
      const accumulated = read(`${GRAD_PREFIX}${spec.name}`, spec);
      return lossScale ? div(accumulated, lossScale) : accumulated;
    });
    const weights = specs.map(spec => read(`${PARAM_PREFIX}${spec.name}`, spec));

    const squares = gradients.map(g => sumAll(mul(g, g)));
    const normSquared = squares.reduce((a, b) => add(a, b));
    const each = squares.map(square => reshape(square, [1]));
    // NaN fails the comparisons, too.
    const finite = less(normSquared, LARGEST_NORM ** 2);
    const norm = sqrt(normSquared);
    const taken = and(finite, less(norm, scalar('norm_limit')));
    const scale = min(1, div(builder.constant([config.clip_norm], []), add(norm, 1e-12)));
    const usable = gradients.map(g => select(taken, g, 0));
    const ifTaken = (value: Value, otherwise: number) => select(taken, value, otherwise);

    const rates: Rates = {
      learningRate: ifTaken(scalar('learning_rate'), 0),
      adamwStep: ifTaken(scalar('adamw_step_size'), 0),
      adamwVScale: scalar('adamw_v_scale'),
      keep: beta => ifTaken(builder.constant([beta], []), 1),
      take: beta => ifTaken(mul(scale, 1 - beta), 0),
      takeSquare: beta => ifTaken(mul(mul(scale, scale), 1 - beta), 0),
    };
    const writes: Record<string, Value> = scalesLoss ? nextLossScale(builder, finite) : {};
    const updated = new Map<ParamSpec, Value>();
    const muon: { spec: ParamSpec; weight: Value; direction: Direction }[] = [];
    for (const [index, spec] of specs.entries()) {
      const [weight, gradient] = [weights[index], usable[index]];
      if (weight === undefined || gradient === undefined) continue;
      if (optimizerOf(spec, config) === 'muon') {
        const { moments, direction } = muonMomentum(builder, spec, gradient, config, rates);
        Object.assign(writes, moments);
        muon.push({ spec, weight, direction: { value: direction, isTable: spec.group === 'embedding' } });
      } else {
        const { moments, next } = adamw(builder, spec, weight, gradient, config, rates);
        Object.assign(writes, moments);
        updated.set(spec, next);
      }
    }
    const steps = orthogonalizeAll(
      muon.map(entry => entry.direction),
      config.muon,
      rates.learningRate,
    );
    for (const [index, { spec, weight }] of muon.entries()) {
      const step = steps[index];
      if (step !== undefined) updated.set(spec, sub(decay(spec, weight, config, rates), step));
    }
    for (const [spec, next] of updated) writes[`${PARAM_PREFIX}${spec.name}`] = next;
    for (const index of averagesOf(config).keys()) {
      const rate = ifTaken(scalar(`ema_rate_${index}`), 0);
      for (const [spec, next] of updated) {
        const average = read(`${emaPrefix(index)}${spec.name}`, spec);
        writes[`${emaPrefix(index)}${spec.name}`] = add(average, mul(sub(next, average), rate));
      }
    }
    const flag = select(taken, builder.constant([1], []), 0);
    const outputs = { grad_norm: norm, grad_norms: sqrt(concat(each, 0)), taken: flag };
    return { outputs: { ...outputs, ...(lossScale && { loss_scale: lossScale }) }, writes };
  });
  return verify(graph);
}

/** {@link traceUpdateGraph} as an engine compiles it: in f32, and Newton-Schulz in the engine's precision. */
export function optimizeUpdate(graph: Graph, { precision, tuning }: Pick<Engine, 'precision' | 'tuning'>): Graph {
  return mixPrecision(optimize(graph, { ...(tuning && { tuning }) }), precision, isNewtonSchulz);
}

/** The inputs of {@link traceUpdateGraph}. */
export function updateFeeds(scalars: Readonly<Record<string, number>>): Tensors {
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, tensorOf([], [value])]));
}

interface Rates {
  readonly learningRate: Value;
  readonly adamwStep: Value;
  readonly adamwVScale: Value;
  /** beta, or 1 if nothing may change. */
  keep(beta: number): Value;
  /** Factor of the gradient in an average: 1 - beta times the clipping factor, or 0. */
  take(beta: number): Value;
  /** Factor of the gradient's square in an average. */
  takeSquare(beta: number): Value;
}

/** Decoupled weight decay: w (1 - lr wd). `rateShare` times `rates.learningRate` is the rate of the parameter. */
function decay(spec: ParamSpec, weight: Value, config: OptimizerConfig, rates: Rates, rateShare = 1): Value {
  if (config.weight_decay === 0 || !isDecayed(spec, config)) return weight;
  return mul(weight, sub(1, mul(rates.learningRate, config.weight_decay * rateShare)));
}

/** AdamW (arXiv 1711.05101); bias corrections come from the host as scalars. */
function adamw(
  builder: Builder,
  spec: ParamSpec,
  weight: Value,
  gradient: Value,
  config: OptimizerConfig,
  rates: Rates,
) {
  const { beta1, beta2, eps } = config.adamw;
  const [mName, vName] = [`${OPTIMIZER_PREFIX}m.${spec.name}`, `${OPTIMIZER_PREFIX}v.${spec.name}`];
  const type = { shape: spec.shape, dtype: 'f32' } as const;
  const m = add(mul(builder.state(mName, type), rates.keep(beta1)), mul(gradient, rates.take(beta1)));
  const v = add(
    mul(builder.state(vName, type), rates.keep(beta2)),
    mul(mul(gradient, gradient), rates.takeSquare(beta2)),
  );
  const direction = div(m, add(mul(sqrt(v), rates.adamwVScale), eps));
  const base = decay(spec, weight, config, rates, adamwRateShare(config));
  return { moments: { [mName]: m, [vName]: v }, next: sub(base, mul(direction, rates.adamwStep)) };
}

/** Muon's momentum (github.com/KellerJordan/Muon): an average of gradients, with Nesterov's look ahead. */
function muonMomentum(builder: Builder, spec: ParamSpec, gradient: Value, config: OptimizerConfig, rates: Rates) {
  const { momentum, nesterov } = config.muon;
  const name = `${OPTIMIZER_PREFIX}momentum.${spec.name}`;
  const before = builder.state(name, { shape: spec.shape, dtype: 'f32' });
  const taken = mul(gradient, rates.take(momentum));
  const average = add(mul(before, rates.keep(momentum)), taken);
  const direction = nesterov ? add(taken, mul(average, rates.keep(momentum))) : average;
  return { moments: { [name]: average }, direction };
}
