/** @file Hides parts of the signals that samples keep: `objective.masking`. */
import type { ObjectiveConfig } from '../../configs/objective.ts';
import type { Seed } from '../../configs/seed.ts';
import type { SignalName } from '../../configs/signals.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import type { Shape } from '../compiler/tensor.ts';

/** x, y and confidence. */
const NUMBERS_PER_JOINT = 3;

type Masking = NonNullable<ObjectiveConfig['masking']>;

/** Where a signal lies: its sample in the run, the shape of one sample, and the sample's numbers. */
export interface FedSignal {
  readonly seed: Seed;
  readonly ordinal: number;
  readonly shape: Shape;
  readonly data: Float32Array;
}

/**
 * A hidden joint has the confidence 0: the network sees none there. A hidden patch has the features 0. What is hidden
 * depends on the sample's place in the run alone.
 */
export function hideParts(name: SignalName, masking: Masking, signal: FedSignal): void {
  if (name === 'pose' && masking.joints !== undefined) hideJoints(signal, masking.joints);
  if (name === 'patches' && masking.patches !== undefined) hideSquares(signal, masking.patches, masking.block);
}

function hideJoints({ seed, ordinal, data }: FedSignal, most: number): void {
  const random = new RandomStream(seed, 'hide joints', ordinal);
  const share = most * random.uniform();
  for (let at = 0; at < data.length; at += NUMBERS_PER_JOINT) {
    if (random.uniform() < share) data.fill(0, at, at + NUMBERS_PER_JOINT);
  }
}

/** The squares lie on a grid that begins at a random place, so that no patch is always at an edge. */
function hideSquares({ seed, ordinal, shape, data }: FedSignal, most: number, block: number): void {
  const [rows = 0, columns = 0, dim = 0] = shape;
  const random = new RandomStream(seed, 'hide patches', ordinal);
  const share = most * random.uniform();
  const [startRow, startColumn] = [-random.below(block), -random.below(block)];
  for (let top = startRow; top < rows; top += block) {
    for (let left = startColumn; left < columns; left += block) {
      if (random.uniform() >= share) continue;
      const [from, to] = [Math.max(0, left), Math.min(columns, left + block)];
      for (let row = Math.max(0, top); row < Math.min(rows, top + block); row++) {
        data.fill(0, (row * columns + from) * dim, (row * columns + to) * dim);
      }
    }
  }
}
