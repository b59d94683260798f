/** @file A signal of a picture as its column stores it: an npy in the type that the table of signals says, or i8. */
import { memberName, SIGNALS, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { toF16Bits } from '../../formats/half.ts';
import { decodeNpy, decodeNpyList, encodeNpy, type NpyArray, readNpyHeader } from '../../formats/npy.ts';

export interface SignalArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** One for each number of a vector: it is stored as i8, in these steps, with at most 127 of them. Absent: not so. */
  readonly steps?: Float32Array;
}

/** The numbers of a stored signal: f32, or the bits of f16. */
export interface StoredArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint16Array;
}

const MOST_STEPS = 127;

/** @returns Name and bytes of the member. In i8 it is two arrays in one file: the numbers, and the steps f32 [dim]. */
export function encodeSignalMember(
  signal: SignalName,
  id: string,
  { shape, data, steps }: SignalArray,
): readonly [string, Uint8Array] {
  return [memberName(signal, id), steps ? encodeSteps(shape, data, steps) : encodeFloats(signal, shape, data)];
}

function encodeFloats(signal: SignalName, shape: readonly number[], data: Float32Array): Uint8Array {
  return SIGNALS[signal].dtype === 'f16'
    ? encodeNpy({ dtype: 'f16', shape, data: Uint16Array.from(data, toF16Bits) })
    : encodeNpy({ dtype: 'f32', shape, data });
}

/** Numbers beyond the last step are cut. */
function encodeSteps(shape: readonly number[], data: Float32Array, steps: Float32Array): Uint8Array {
  const whole = new Int8Array(data.length);
  for (let i = 0; i < whole.length; i++) {
    const count = Math.round(data[i]! / steps[i % steps.length]!);
    whole[i] = Math.min(MOST_STEPS, Math.max(-MOST_STEPS, count));
  }
  return Buffer.concat([
    encodeNpy({ dtype: 'i8', shape, data: whole }),
    encodeNpy({ dtype: 'f32', shape: [steps.length], data: steps }),
  ]);
}

/** @param which Signal and picture, for errors. @throws Unprocessable for a member in another format. */
export function decodeSignalMember(bytes: Uint8Array, which: string): StoredArray {
  if (readNpyHeader(bytes).dtype === 'i8') return decodeSteps(decodeNpyList(bytes), which);
  const { dtype, shape, data } = decodeNpy(bytes);
  if (dtype === 'f16' || dtype === 'f32') return { shape, data };
  throw new Unprocessable(`${which} is ${dtype}`, { expected: 'f16 or f32, or i8 with steps' });
}

/** The same numbers in another shape; the steps of i8 stay beside them. @throws Unprocessable as decodeSignalMember. */
export function reshapeSignalMember(bytes: Uint8Array, shape: readonly number[], which: string): Uint8Array {
  decodeSignalMember(bytes, which);
  const [numbers, ...steps] = decodeNpyList(bytes);
  if (numbers === undefined) throw new Unprocessable(`${which} is empty`, { expected: 'an npy array' });
  return Buffer.concat([{ ...numbers, shape }, ...steps].map(encodeNpy));
}

function decodeSteps([whole, steps, ...others]: readonly NpyArray[], which: string): StoredArray {
  const dim = whole?.shape.at(-1);
  if (whole === undefined || steps?.dtype !== 'f32' || steps.data.length !== dim || others.length > 0) {
    throw new Unprocessable(`${which} is i8 without its steps`, { expected: `a second array, f32[${dim}]` });
  }
  const data = new Float32Array(whole.data.length);
  for (let i = 0; i < data.length; i++) data[i] = whole.data[i]! * steps.data[i % dim]!;
  return { shape: whole.shape, data };
}
