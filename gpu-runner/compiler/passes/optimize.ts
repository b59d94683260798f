/**
 * @file The passes that a graph goes through before an engine compiles it, in order. Composites are left for the engine's lowering to expand:
 * the products in them are exact in f32, and casting them would cost more than it saves.
 */
import type { Engine } from '../engine.ts';
import type { Graph } from '../graph.ts';
import { verify } from '../verify.ts';
import { mergeProducts } from './merge-products.ts';
import { mixPrecision } from './mixed-precision.ts';
import { simplify } from './simplify.ts';

/** What can be left out; the graph means the same without. */
export const PASS_NAMES = ['simplify', 'merge-products', 'mixed-precision'] as const;
export type PassName = (typeof PASS_NAMES)[number];

/**
 * @param engine Its tuning says which passes pay off on it, its precision what matrix products are computed in.
 * @param without Passes that are left out, to see what they are good for.
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
  };
  const kept = PASS_NAMES.filter(name => !without.has(name));
  return kept.reduce((current, name) => verify(passes[name](current)), graph);
}
