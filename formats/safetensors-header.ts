/** @file The header of a safetensors file: where each tensor lies. It needs no tensor, so it reads a file by ranges. */
import { Unprocessable } from '../errors.ts';

/** The library refuses longer headers. */
const MAX_HEADER_BYTES = 100_000_000;
/** The length of the header comes before the header, which is JSON. */
export const LENGTH_BYTES = 8;
const METADATA = '__metadata__';

export interface TensorPlace {
  readonly name: string;
  /** As the file spells it: F32, BF16, I64. It may be a type that {@link decodeSafetensors} does not know. */
  readonly type: string;
  readonly shape: readonly number[];
  /** Bytes behind the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of the header. */
  readonly places: readonly TensorPlace[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes before the first tensor. @throws Unprocessable if `bytes` are too few, or the header would be too long. */
export function readDataStart(bytes: Uint8Array): number {
  if (bytes.length < LENGTH_BYTES) throw malformed('the file is shorter than its length field');
  const headerBytes = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (headerBytes > BigInt(MAX_HEADER_BYTES)) throw malformed(`a header of ${headerBytes} bytes`);
  return LENGTH_BYTES + Number(headerBytes);
}

/** @param bytes The file from its first byte to its first tensor, or more. @throws Unprocessable */
export function readSafetensorsHeader(bytes: Uint8Array): SafetensorsHeader {
  const start = readDataStart(bytes);
  if (start > bytes.length) throw malformed('the header is cut short');
  const { [METADATA]: notes, ...infos } = parseHeader(bytes.subarray(LENGTH_BYTES, start));
  return {
    places: Object.entries(infos).map(([name, value]) => parseInfo(name, value)),
    metadata: parseMetadata(notes),
  };
}

/** @throws Unprocessable if tensors overlap, leave holes, or end before or behind the file. */
export function checkCoverage(places: readonly TensorPlace[], total: number): void {
  let reached = 0;
  for (const { name, begin, end } of [...places].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== reached) throw malformed(`"${name}" begins at byte ${begin} where ${reached} was expected`);
    reached = end;
  }
  if (reached !== total) throw malformed(`the tensors end at byte ${reached} of ${total}`);
}

export function malformed(what: string, cause?: unknown): Unprocessable {
  return new Unprocessable(`safetensors: ${what}`, { expected: 'a file as the safetensors library writes it', cause });
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

function parseInfo(name: string, value: unknown): TensorPlace {
  if (!isRecord(value)) throw malformed(`"${name}" is not an object`);
  const { dtype: type, shape, data_offsets: offsets, ...others } = value;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw malformed(`"${name}" has the unknown field "${unknown}"`);
  if (typeof type !== 'string') throw malformed(`"${name}" has the type ${JSON.stringify(type)}`);
  if (!isSizes(shape)) throw malformed(`"${name}" has no shape`);
  if (!isSizes(offsets) || offsets.length !== 2) throw malformed(`"${name}" has no pair of offsets`);
  const [begin = 0, end = 0] = offsets;
  if (begin > end) throw malformed(`"${name}" begins after its end`);
  return { name, type, shape, begin, end };
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
export function define<T>(record: Record<string, T>, key: string, value: T): void {
  Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every(size => Number.isSafeInteger(size) && size >= 0);
}
