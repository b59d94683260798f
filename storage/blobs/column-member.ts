/** @file A signal of one picture as its column stores it: an npy in the type that the table of signals says. */
import { memberName, SIGNALS, type SignalName } from '../../configs/signals.ts';
import { toF16Bits } from '../../formats/half.ts';
import { encodeNpy } from '../../formats/npy.ts';

/** @returns Name and bytes of the member. */
export function encodeSignalMember(
  signal: SignalName,
  id: string,
  { shape, data }: { readonly shape: readonly number[]; readonly data: Float32Array },
): readonly [string, Uint8Array] {
  const bytes =
    SIGNALS[signal].dtype === 'f16'
      ? encodeNpy({ dtype: 'f16', shape, data: Uint16Array.from(data, toF16Bits) })
      : encodeNpy({ dtype: 'f32', shape, data });
  return [memberName(signal, id), bytes];
}
