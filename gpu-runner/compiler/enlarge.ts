import { add, concat, mul, reshape, slice } from './functions.ts';
import { GraphError } from './shapes.ts';
import { formatType } from './tensor.ts';
import type { Value } from './trace.ts';

/**
 * Enlarges x [n, c, rows, columns] by a whole factor, linearly between the centres of its cells, as PyTorch's
 * `interpolate(mode='bilinear', align_corners=False)`. @throws GraphError
 */
export function enlarge(x: Value, factor: number): Value {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  if (x.shape.length !== 4 || !Number.isInteger(factor) || factor < 1) {
    throw new GraphError(`cannot enlarge ${formatType(x)} by ${factor}: expected [n, c, h, w] and a whole factor`);
  }
  if (factor === 1) return x;
  const tall = enlargeAxis(reshape(x, [batch * channels, rows, columns]), factor);
  const wide = enlargeAxis(reshape(tall, [batch * channels * rows * factor, columns, 1]), factor);
  return reshape(wide, [batch, channels, rows * factor, columns * factor]);
}

/** [outer, length, inner] -> [outer, length * factor, inner]. */
function enlargeAxis(x: Value, factor: number): Value {
  const [outer = 0, length = 0, inner = 0] = x.shape;
  const before = concat([slice(x, 1, 0, 1), slice(x, 1, 0, length - 1)], 1);
  const after = concat([slice(x, 1, 1, length), slice(x, 1, length - 1, length)], 1);
  const phases = Array.from({ length: factor }, (_, phase) => {
    // Distance of the new cell's centre from the old one's.
    const distance = (phase + 0.5) / factor - 0.5;
    if (distance === 0) return x;
    return add(mul(x, 1 - Math.abs(distance)), mul(distance < 0 ? before : after, Math.abs(distance)));
  });
  const shape = [outer, length, 1, inner];
  return reshape(
    concat(
      phases.map(phase => reshape(phase, shape)),
      2,
    ),
    [outer, length * factor, inner],
  );
}
