/** @file The items of a batch in one buffer, so that it moves from thread to thread as a whole. */
import type { SignalName } from '../../configs/signals.ts';
import type { StoredSignal, TrainingItem } from '../training/source.ts';

/** Where an array lies in the buffer: byte offset and number of elements. */
interface Span {
  readonly offset: number;
  readonly length: number;
}

interface PackedSignal extends Span {
  readonly rows: number;
  readonly dtype: 'f16' | 'f32';
}

interface PackedItem extends Omit<TrainingItem, 'pixels' | 'mask' | 'signals' | 'texts'> {
  readonly pixels: Span;
  readonly mask?: Span;
  readonly signals: readonly (readonly [SignalName, PackedSignal])[];
  readonly texts?: readonly PackedSignal[];
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
  const pack = ({ rows, data }: StoredSignal): PackedSignal => ({
    rows,
    dtype: data instanceof Float32Array ? 'f32' : 'f16',
    ...place(data),
  });
  const packed = items.map(({ pixels, mask, signals, texts, ...rest }) => ({
    ...rest,
    pixels: place(pixels),
    ...(mask && { mask: place(mask) }),
    signals: (Object.entries(signals) as [SignalName, StoredSignal][]).map(
      ([name, signal]) => [name, pack(signal)] as const,
    ),
    ...(texts && { texts: texts.map(pack) }),
  }));
  const buffer = new ArrayBuffer(end);
  const bytes = new Uint8Array(buffer);
  for (const { from, offset } of copies) bytes.set(from, offset);
  return { buffer, items: packed };
}

/** The items again, as views of the buffer. */
export function unpackItems({ buffer, items }: PackedBatch): TrainingItem[] {
  const unpack = ({ rows, dtype, offset, length }: PackedSignal): StoredSignal => ({
    rows,
    data: dtype === 'f32' ? new Float32Array(buffer, offset, length) : new Uint16Array(buffer, offset, length),
  });
  return items.map(({ pixels, mask, signals, texts, ...rest }) => ({
    ...rest,
    pixels: new Uint8Array(buffer, pixels.offset, pixels.length),
    ...(mask && { mask: new Uint8Array(buffer, mask.offset, mask.length) }),
    signals: Object.fromEntries(signals.map(([name, signal]) => [name, unpack(signal)] as const)),
    ...(texts && { texts: texts.map(unpack) }),
  }));
}
