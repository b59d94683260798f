/**
 * @file The passes over a graph before an engine compiles it, in order. Composites stay; the engine's lowering expands
 * them. Their inner products are exact in f32, and casting these would cost more than it saves.
 */
import type { Engine } from '../engine.ts';
import type { Graph } from '../graph.ts';
import { verify } from '../verify.ts';
import { mergeProducts } from './merge-products.ts';
import { mixPrecision } from './mixed-precision.ts';
import { simplify } from './simplify.ts';
import { splitLongProducts } from './split-products.ts';

/** Passes that can be left out without changing the meaning of the graph. */
export const PASS_NAMES = ['simplify', 'merge-products', 'mixed-precision', 'split-products'] as const;
export type PassName = (typeof PASS_NAMES)[number];

/**
 * @param engine Its tuning selects passes; its precision is the format of matrix products.
 * @param without Passes to leave out, to measure what they save.
 */
export function optimize(
  graph: Graph,
  { tuning, precision }: Pick<Engine, 'tuning' | 'precision'>,
  without: ReadonlySet<PassName> = new Set(),
): Graph {
  const passes: Readonly<Record<PassName, (graph: Graph) => Graph>> = {
    simplify,
    'merge-products': whole => (tuning?.mergesProducts ? mergeProducts(whole) : whole),
    'mixed-precision': whole => mixPrecision(whole, precision),
    'split-products': whole => (tuning?.addsInF16 ? splitLongProducts(whole) : whole),
  };
  const kept = PASS_NAMES.filter(name => !without.has(name));
  return kept.reduce((current, name) => verify(passes[name](current)), graph);
}
