/** @file safetensors (huggingface/safetensors, format in its README). Writes the same bytes as its own library. */
import {
  checkCoverage,
  define,
  LENGTH_BYTES,
  malformed,
  readDataStart,
  readSafetensorsHeader,
  type TensorPlace,
} from './safetensors-header.ts';
import {
  bytesOfTensor,
  bytesPerElement,
  countElements,
  type DecodedTensor,
  type ElementType,
  type EncodableTensor,
  tensorOverBytes,
} from './tensor.ts';

const TYPE_NAMES = { f32: 'F32', f16: 'F16', bf16: 'BF16', i32: 'I32', i8: 'I8', u8: 'U8', bool: 'BOOL' } as const;
const TYPES: ReadonlyMap<string, ElementType> = new Map(
  (['f32', 'f16', 'bf16', 'i32', 'i8', 'u8', 'bool'] as const).map(type => [TYPE_NAMES[type], type]),
);
/** Sort key of a type in the library: larger alignment first, then its enumeration, last first. */
const TYPE_ORDER: Readonly<Record<ElementType, number>> = { f32: 0, i32: 1, bf16: 2, f16: 3, i8: 4, u8: 5, bool: 6 };

const METADATA = '__metadata__';

export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, DecodedTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Equal tensors give equal bytes: tensors are sorted by type (wider first, so that each is aligned), then by name;
 * metadata by key.
 * @throws InvalidInput when array, type and shape of a tensor disagree.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, EncodableTensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = Object.entries(tensors)
    .map(([name, tensor]) => ({ name, tensor, data: bytesOfTensor(tensor, `safetensors "${name}"`) }))
    .sort((a, b) => TYPE_ORDER[a.tensor.dtype] - TYPE_ORDER[b.tensor.dtype] || compareNames(a.name, b.name));

  const fields: string[] = [];
  const notes = Object.entries(metadata).sort(([a], [b]) => compareNames(a, b));
  if (notes.length > 0) {
    fields.push(`"${METADATA}":{${notes.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`);
  }
  let end = 0;
  for (const { name, tensor, data } of entries) {
    const begin = end;
    end += data.length;
    const info = { dtype: TYPE_NAMES[tensor.dtype], shape: tensor.shape, data_offsets: [begin, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
  }
  const json = Buffer.from(`{${fields.join(',')}}`);
  const start = LENGTH_BYTES + Math.ceil(json.length / LENGTH_BYTES) * LENGTH_BYTES;

  const bytes = new Uint8Array(start + end);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(start - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  bytes.fill(0x20, LENGTH_BYTES + json.length, start);
  let offset = start;
  for (const { data } of entries) {
    bytes.set(data, offset);
    offset += data.length;
  }
  return bytes;
}

/**
 * Tensors are views into `bytes` if the alignment allows it.
 * @throws Unprocessable for a damaged header, an unknown type, or offsets that overlap, leave holes or disagree with a
 * shape.
 * @param keep Tensors that are decoded, by name; others may be of a type that is not known here. Default: all.
 */
export function decodeSafetensors(bytes: Uint8Array, keep: (name: string) => boolean = () => true): SafetensorsFile {
  const { places, metadata } = readSafetensorsHeader(bytes);
  const data = bytes.subarray(readDataStart(bytes));
  const tensors: Record<string, DecodedTensor> = {};
  for (const place of places) {
    if (place.end > data.length) throw malformed(`"${place.name}" ends at byte ${place.end} of ${data.length}`);
    if (!keep(place.name)) continue;
    define(tensors, place.name, decodeTensor(place, data.subarray(place.begin, place.end)));
  }
  checkCoverage(places, data.length);
  return { tensors, metadata };
}

/**
 * One tensor over its bytes.
 * @throws Unprocessable for a type that Easel does not read, or bytes that disagree with the shape.
 */
export function decodeTensor({ name, type, shape, begin, end }: TensorPlace, data: Uint8Array): DecodedTensor {
  const dtype = TYPES.get(type);
  if (dtype === undefined) {
    throw malformed(`"${name}" has the type ${JSON.stringify(type)}, known are ${[...TYPES.keys()].join(', ')}`);
  }
  const expected = countElements(shape) * bytesPerElement(dtype);
  if (end - begin !== expected) {
    throw malformed(`"${name}": ${end - begin} bytes for ${dtype}[${shape.join(', ')}], which takes ${expected}`);
  }
  return tensorOverBytes(dtype, shape, data);
}

/** Compares UTF-8 bytes, as the library (in Rust) compares strings. */
function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
