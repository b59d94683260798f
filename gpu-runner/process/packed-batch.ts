/** @file The items of a batch in one buffer, so that it moves from thread to thread as a whole. */
import type { SignalName } from '../../configs/signals.ts';
import type { StoredSignal, TrainingItem } from '../training/source.ts';

/** Where an array lies in the buffer: byte offset and number of elements. */
interface Span {
  readonly offset: number;
  readonly length: number;
}

interface PackedSignal extends Span {
  readonly name: SignalName;
  readonly rows: number;
  readonly dtype: 'f16' | 'f32';
}

interface PackedItem extends Omit<TrainingItem, 'pixels' | 'signals'> {
  readonly pixels: Span;
  readonly signals: readonly PackedSignal[];
}

export interface PackedBatch {
  readonly buffer: ArrayBuffer;
  readonly items: readonly PackedItem[];
}

/** Arrays begin at multiples of it, so that every type may lie there. */
const ALIGNMENT = 8;

export function packItems(items: readonly TrainingItem[]): PackedBatch {
  const copies: { readonly from: Uint8Array; readonly offset: number }[] = [];
  let end = 0;
  const place = (data: Uint8Array | StoredSignal['data']): Span => {
    const offset = end;
    copies.push({ from: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset });
    end = Math.ceil((offset + data.byteLength) / ALIGNMENT) * ALIGNMENT;
    return { offset, length: data.length };
  };
  const packed = items.map(({ pixels, signals, ...rest }) => ({
    ...rest,
    pixels: place(pixels),
    signals: (Object.entries(signals) as [SignalName, StoredSignal][]).map(([name, { rows, data }]) => ({
      name,
      rows,
      dtype: data instanceof Float32Array ? ('f32' as const) : ('f16' as const),
      ...place(data),
    })),
  }));
  const buffer = new ArrayBuffer(end);
  const bytes = new Uint8Array(buffer);
  for (const { from, offset } of copies) bytes.set(from, offset);
  return { buffer, items: packed };
}

/** The items again, as views of the buffer. */
export function unpackItems({ buffer, items }: PackedBatch): TrainingItem[] {
  return items.map(({ pixels, signals, ...rest }) => ({
    ...rest,
    pixels: new Uint8Array(buffer, pixels.offset, pixels.length),
    signals: Object.fromEntries(
      signals.map(({ name, rows, dtype, offset, length }) => {
        const data =
          dtype === 'f32' ? new Float32Array(buffer, offset, length) : new Uint16Array(buffer, offset, length);
        return [name, { rows, data }] as const;
      }),
    ),
  }));
}
