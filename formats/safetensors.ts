/** @file safetensors (huggingface/safetensors, format in its README). Writes the same bytes as its own library. */
import { Unprocessable } from '../errors.ts';
import {
  bytesOfTensor,
  bytesPerElement,
  countElements,
  type DecodedTensor,
  type ElementType,
  type EncodableTensor,
  tensorOverBytes,
} from './tensor.ts';

const TYPE_NAMES = { f32: 'F32', f16: 'F16', bf16: 'BF16', i32: 'I32', u8: 'U8', bool: 'BOOL' } as const;
const TYPES: ReadonlyMap<string, ElementType> = new Map(
  (['f32', 'f16', 'bf16', 'i32', 'u8', 'bool'] as const).map(type => [TYPE_NAMES[type], type]),
);
/** Sort key of a type in the library: larger alignment first, then its enumeration, last first. */
const TYPE_ORDER: Readonly<Record<ElementType, number>> = { f32: 0, i32: 1, bf16: 2, f16: 3, u8: 4, bool: 5 };

/** The library refuses longer headers. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
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
 */
export function decodeSafetensors(bytes: Uint8Array): SafetensorsFile {
  if (bytes.length < LENGTH_BYTES) throw malformed('the file is shorter than its length field');
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) throw malformed(`a header of ${headerBytes} bytes`);
  const start = LENGTH_BYTES + Number(headerBytes);
  if (start > bytes.length) throw malformed('the header is cut short');
  const { [METADATA]: notes, ...infos } = parseHeader(bytes.subarray(LENGTH_BYTES, start));
  const data = bytes.subarray(start);

  const tensors: Record<string, DecodedTensor> = {};
  const spans: (readonly [begin: number, end: number, name: string])[] = [];
  for (const [name, value] of Object.entries(infos)) {
    const { dtype, shape, begin, end } = parseInfo(name, value);
    const expected = countElements(shape) * bytesPerElement(dtype);
    if (end - begin !== expected) {
      throw malformed(`"${name}": ${end - begin} bytes for ${dtype}[${shape.join(', ')}], which takes ${expected}`);
    }
    spans.push([begin, end, name]);
    if (end > data.length) throw malformed(`"${name}" ends at byte ${end} of ${data.length}`);
    define(tensors, name, tensorOverBytes(dtype, shape, data.subarray(begin, end)));
  }
  checkCoverage(spans, data.length);
  return { tensors, metadata: parseMetadata(notes) };
}

function parseHeader(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed('the header is not JSON', cause);
  }
  if (!isRecord(header)) throw malformed('the header is not a JSON object');
  return header;
}

function parseInfo(name: string, value: unknown) {
  if (!isRecord(value)) throw malformed(`"${name}" is not an object`);
  const { dtype: typeName, shape, data_offsets: offsets, ...others } = value;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw malformed(`"${name}" has the unknown field "${unknown}"`);
  const dtype = typeof typeName === 'string' ? TYPES.get(typeName) : undefined;
  if (dtype === undefined) {
    throw malformed(`"${name}" has the type ${JSON.stringify(typeName)}, known are ${[...TYPES.keys()].join(', ')}`);
  }
  if (!isSizes(shape)) throw malformed(`"${name}" has no shape`);
  if (!isSizes(offsets) || offsets.length !== 2) throw malformed(`"${name}" has no pair of offsets`);
  const [begin = 0, end = 0] = offsets;
  if (begin > end) throw malformed(`"${name}" begins after its end`);
  return { dtype, shape, begin, end };
}

function checkCoverage(spans: (readonly [begin: number, end: number, name: string])[], total: number): void {
  let reached = 0;
  for (const [begin, end, name] of spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== reached) throw malformed(`"${name}" begins at byte ${begin} where ${reached} was expected`);
    reached = end;
  }
  if (reached !== total) throw malformed(`the tensors end at byte ${reached} of ${total}`);
}

function parseMetadata(notes: unknown): Readonly<Record<string, string>> {
  if (notes === undefined) return {};
  if (!isRecord(notes)) throw malformed(`${METADATA} is not an object`);
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(notes)) {
    if (typeof value !== 'string') throw malformed(`${METADATA} "${key}" is not a string`);
    define(metadata, key, value);
  }
  return metadata;
}

/** A plain assignment would lose a key named `__proto__`. */
function define<T>(record: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

/** Compares UTF-8 bytes, as the library (in Rust) compares strings. */
function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0);
}

function malformed(what: string, cause?: unknown): Unprocessable {
  return new Unprocessable(`safetensors: ${what}`, { expected: 'a file as the safetensors library writes it', cause });
}
