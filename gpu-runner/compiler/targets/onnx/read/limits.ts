/**
 * @file What an ONNX file may ask for while it is read. The largest networks stay far below; a few bytes that ask for
 * more would take hours, or all memory of the machine.
 */
import { GraphError } from '../../../shapes.ts';
import { sizeOf } from '../../../tensor.ts';
import type { Builder } from '../../../trace.ts';
import { type Held, isKnown } from './held.ts';
import type { Known } from './known.ts';

/** Of the file, and of the graph that is made of them. */
export const MOST_NODES = 50_000;
const MOST_GRAPH_NODES = 4 * MOST_NODES;
/** Elements of a tensor that the network computes: 4 GiB of f32 numbers. */
const MOST_ELEMENTS = 2 ** 30;
/** Elements of all tensors that are computed while the file is read, besides twice its weights. */
const MOST_KNOWN = 2 ** 26;
/** Cells along a side of a pool: each takes some operations. */
const WIDEST_POOL = 1024;
/** Places of an axis that are counted one by one. */
const MOST_PLACES = 2 ** 22;

/** A count of places, which an array of so many numbers will hold. @throws GraphError */
export function checkPlaces(count: number): number {
  if (Number.isInteger(count) && count >= 0 && count <= MOST_PLACES) return count;
  throw new GraphError(`${count} places along one axis; expected a whole number from 0 to ${MOST_PLACES}`);
}

/** @throws GraphError */
export function checkPool(kernel: readonly number[]): void {
  if (kernel.every(side => side <= WIDEST_POOL)) return;
  throw new GraphError(`a pool of ${kernel.join(' x ')} cells; expected at most ${WIDEST_POOL} along a side`);
}

export interface Limits {
  /** @throws GraphError for a tensor that is too large, or too many of them. */
  check(results: readonly Held[], operands: readonly (Held | undefined)[]): void;
}

/** Checks what each node of a file makes. @param weights Those of the file. */
export function createLimits(builder: Builder, weights: Iterable<Known>): Limits {
  const most = [...weights].reduce((sum, { data }) => sum + 2 * data.length, MOST_KNOWN);
  let known = 0;
  return {
    check(results, operands) {
      for (const result of results) {
        if (!isKnown(result)) {
          const size = sizeOf(result.shape);
          if (size <= MOST_ELEMENTS) continue;
          throw new GraphError(`[${result.shape.join(', ')}] has more than ${MOST_ELEMENTS} elements`);
        }
        // Moved or named anew, numbers take no more memory.
        if (operands.some(operand => operand && isKnown(operand) && operand.data === result.data)) continue;
        known += result.data.length;
        if (known > most) {
          throw new GraphError(`the nodes up to this one make more than ${most} constant numbers`);
        }
      }
      if (builder.size > MOST_GRAPH_NODES) {
        throw new GraphError(`the nodes up to this one take more than ${MOST_GRAPH_NODES} operations`);
      }
    },
  };
}
