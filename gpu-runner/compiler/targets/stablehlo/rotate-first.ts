/**
 * @file Rotates before the factor of a norm is applied: rotate(x r g) = rotate(x g) r if r is one number for all
 * channels of a row. XLA then makes the query of an attention in one pass over the product that it comes from, beside a
 * small sum. In the other order it writes the normed values in f32 first.
 */
import { mul, operandOf, transpose } from '../../functions.ts';
import type { Graph } from '../../graph.ts';
import { rewriteGraph } from '../../rewrite.ts';
import { isSameShape } from '../../shapes.ts';
import type { Value } from '../../trace.ts';

/** Results change by rounding only. */
export function rotateFirst(graph: Graph): Graph {
  if (!graph.nodes.some(({ op }) => op === 'rotate')) return graph;
  return rewriteGraph(graph, (node, [x, cos, sin], builder) => {
    if (node.op !== 'rotate' || !x || !cos || !sin) return undefined;
    const split = splitFactor(x);
    return split && mul(builder.emit('rotate', [split.rest, cos, sin], {}), split.factor);
  });
}

/** x = rest * factor. */
interface Split {
  /** Of the shape of x. */
  readonly rest: Value;
  /** [..., 1] */
  readonly factor: Value;
}

/** Finds a factor that is one number per row, behind other factors and transpositions of rows. */
function splitFactor(x: Value): Split | undefined {
  const { node } = x;
  if (node.op === 'transpose') {
    const { perm } = node.attrs;
    const split = perm.at(-1) === perm.length - 1 ? splitFactor(operandOf(x, 0)) : undefined;
    return split && { rest: transpose(split.rest, perm), factor: transpose(split.factor, perm) };
  }
  if (node.op !== 'mul') return undefined;
  const [a, b] = [operandOf(x, 0), operandOf(x, 1)];
  return splitProduct(x, a, b) ?? splitProduct(x, b, a);
}

function splitProduct(x: Value, whole: Value, other: Value): Split | undefined {
  if (!isSameShape(whole.shape, x.shape)) return undefined;
  const isPerRow = other.shape.length === x.shape.length && other.shape.at(-1) === 1;
  if (isPerRow) return { rest: whole, factor: other };
  const split = splitFactor(whole);
  return split && { rest: mul(split.rest, other), factor: split.factor };
}
