/** @file Checks gradients: slopes of the loss by gradients and by differences. */

import { RandomStream } from '../../../numerics/random-stream.ts';
import { type Graph, graphReads } from '../../compiler/graph.ts';
import { sizeOf, type TensorSpec } from '../../compiler/tensor.ts';
import { interpret } from '../../engines/reference/engine.ts';
import type { Array64 } from '../../engines/reference/kernels.ts';
import { PARAM_PREFIX } from '../../model/params.ts';
import { GRAD_PREFIX } from '../grad-graph.ts';

export type Arrays = Readonly<Record<string, Array64>>;

const STEP = 1e-6;

/** Numbers for every name; they depend on the place in the list. The second sample has no signal. */
export function fillArrays(specs: ReadonlyMap<string, TensorSpec>, scale = 1): Arrays {
  return Object.fromEntries(
    [...specs].map(([name, { shape }], index) => {
      const random = new RandomStream(3, 'sample', index);
      const isShare = ['t', 'share', 'pose', 'text_mask'].includes(name);
      const data = Float64Array.from({ length: sizeOf(shape) }, () =>
        isShare ? random.uniform() : scale * random.normal(),
      );
      if (name.startsWith('keep_')) data.set([1, 0, 1, 1].slice(0, data.length));
      return [name, { shape, data }];
    }),
  );
}

/** The loss of an update: the output `loss` [batch] of a graph, weighed by the shares of the samples if it has them. */
export function meanLoss(graph: Graph, feeds: Arrays, weights: Arrays): number {
  const loss = interpret(graph, feeds, new Map(Object.entries(weights))).outputs.loss?.data ?? new Float64Array();
  return loss.reduce((sum, x, i) => sum + x * (feeds.share?.data[i] ?? 1 / loss.length), 0);
}

/**
 * The slope of the loss of an update along a random direction of all trained parameters, by the gradients that the
 * graph writes and by a central difference.
 */
export function slopesOf(
  graph: Graph,
  feeds: Arrays,
  weights: Arrays,
): { readonly analytic: number; readonly numeric: number } {
  const directions = fillArrays(new Map([...graphReads(graph)].reverse()));
  const { writes } = interpret(graph, feeds, new Map(Object.entries(weights)));
  const trained = Object.keys(writes).map(name => `${PARAM_PREFIX}${name.slice(GRAD_PREFIX.length)}`);
  const analytic = trained.reduce((sum, name) => {
    const gradient = writes[name.replace(PARAM_PREFIX, GRAD_PREFIX)]?.data ?? new Float64Array();
    return gradient.reduce((s, g, k) => s + g * (directions[name]?.data[k] ?? Number.NaN), sum);
  }, 0);
  const at = (by: number) => {
    const moved = trained.map(name => {
      const { shape, data } = weights[name] ?? { shape: [], data: new Float64Array() };
      return [name, { shape, data: data.map((x, k) => x + by * (directions[name]?.data[k] ?? 0)) }] as const;
    });
    return meanLoss(graph, feeds, { ...weights, ...Object.fromEntries(moved) });
  };
  return { analytic, numeric: (at(STEP) - at(-STEP)) / (2 * STEP) };
}
