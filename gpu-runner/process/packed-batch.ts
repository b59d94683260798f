/**
 * @file The items of a batch in few buffers, which move from thread to thread. Large arrays move as they are. Small
 * ones are copied into one buffer, since each buffer costs the engine's thread some time.
 */
import type { SignalName } from '../../configs/signals.ts';
import type { StoredSignal, TrainingItem } from '../training/source.ts';

/** Where an array lies: buffer, byte offset and number of elements. */
interface Span {
  readonly buffer: number;
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
  /** The first has the small arrays. */
  readonly buffers: readonly ArrayBuffer[];
  readonly items: readonly PackedItem[];
}

/** Small arrays begin at multiples of it, so that every type may lie there. */
const ALIGNMENT = 8;
/** An array of at least this size moves with its own buffer. */
const LARGE_BYTES = 2 ** 16;

/** Takes over the buffers of the items, as `load` of a source gives them. */
export function packItems(items: readonly TrainingItem[]): PackedBatch {
  const copies: { readonly from: Uint8Array; readonly offset: number }[] = [];
  const large = new Map<ArrayBufferLike, number>();
  let end = 0;
  const place = (data: Uint8Array | StoredSignal['data']): Span => {
    const { buffer, byteOffset, byteLength, length } = data;
    if (byteLength >= LARGE_BYTES) {
      const number = large.get(buffer) ?? large.size + 1;
      large.set(buffer, number);
      return { buffer: number, offset: byteOffset, length };
    }
    const offset = end;
    copies.push({ from: new Uint8Array(buffer, byteOffset, byteLength), offset });
    end = Math.ceil((offset + byteLength) / ALIGNMENT) * ALIGNMENT;
    return { buffer: 0, offset, length };
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
  const small = new ArrayBuffer(end);
  const bytes = new Uint8Array(small);
  for (const { from, offset } of copies) bytes.set(from, offset);
  return { buffers: [small, ...(large.keys() as Iterable<ArrayBuffer>)], items: packed };
}

/** The items again, as views of the buffers. */
export function unpackItems({ buffers, items }: PackedBatch): TrainingItem[] {
  const bufferOf = ({ buffer }: Span) => buffers[buffer] as ArrayBuffer;
  const unpack = (packed: PackedSignal): StoredSignal => {
    const { rows, dtype, offset, length } = packed;
    const buffer = bufferOf(packed);
    return {
      rows,
      data: dtype === 'f32' ? new Float32Array(buffer, offset, length) : new Uint16Array(buffer, offset, length),
    };
  };
  const unpackBytes = (span: Span) => new Uint8Array(bufferOf(span), span.offset, span.length);
  return items.map(({ pixels, mask, signals, texts, ...rest }) => ({
    ...rest,
    pixels: unpackBytes(pixels),
    ...(mask && { mask: unpackBytes(mask) }),
    signals: Object.fromEntries(signals.map(([name, signal]) => [name, unpack(signal)] as const)),
    ...(texts && { texts: texts.map(unpack) }),
  }));
}
