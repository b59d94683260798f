/** @file Packs the conditions of a sample job into one blob, one row per picture, as gpu-runner/protocol.ts defines. */
import { type Conditions, isPadded, type SignalName, signalsOf } from '../../configs/signals.ts';
import { encodeSafetensors } from '../../formats/safetensors.ts';
import type { EncodableTensor } from '../../formats/tensor.ts';
import type { EncodedArray } from './encoder.ts';

/** One array per picture, for each signal. */
export type SignalRows = Readonly<Partial<Record<SignalName, readonly EncodedArray[]>>>;

export interface ConditionRows {
  /** Number of pictures. */
  readonly rows: number;
  readonly signals: SignalRows;
  /** Signals that guidance leads away from. */
  readonly negative: SignalRows;
}

/**
 * `SIGNAL` f32 [rows, ...shape]. A padded signal has [rows, tokens, ...], zero beyond the tokens of a row and cut at
 * the limit of the config, and `SIGNAL_mask` f32 [rows, tokens], 1 for each token. `negative_SIGNAL` has the same form.
 */
export function packConditions(conditions: Conditions, { rows, signals, negative }: ConditionRows): Uint8Array {
  const tensors: Record<string, EncodableTensor> = {};
  for (const signal of signalsOf(conditions)) {
    for (const [name, arrays] of [
      [signal, signals[signal]],
      [`negative_${signal}`, negative[signal]],
    ] as const) {
      if (arrays === undefined) continue;
      const limit = isPadded(signal) ? tokensOf(conditions, signal) : undefined;
      Object.assign(tensors, stack(name, rows, arrays, limit));
    }
  }
  return encodeSafetensors(tensors);
}

function tokensOf(conditions: Conditions, signal: SignalName): number {
  const condition = conditions[signal];
  return condition && 'tokens' in condition ? condition.tokens : 0;
}

/** @param limit Length of the first axis of a padded signal. */
function stack(
  name: string,
  rows: number,
  arrays: readonly EncodedArray[],
  limit: number | undefined,
): Record<string, EncodableTensor> {
  const [first = 0, ...rest] = arrays[0]?.shape ?? [];
  const width = rest.reduce((product, size) => product * size, 1);
  const length = limit ?? first;
  const data = new Float32Array(rows * length * width);
  const mask = new Float32Array(rows * length);
  for (const [row, array] of arrays.entries()) {
    const own = Math.min(array.shape[0] ?? 0, length);
    data.set(array.data.subarray(0, own * width), row * length * width);
    mask.fill(1, row * length, row * length + own);
  }
  return {
    [name]: { dtype: 'f32', shape: [rows, length, ...rest], data },
    ...(limit !== undefined && { [`${name}_mask`]: { dtype: 'f32', shape: [rows, length], data: mask } }),
  };
}
