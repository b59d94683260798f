/**
 * @file Tensors in files that `torch.save` wrote before PyTorch 1.6, and still writes without zip (`_legacy_save` of
 * torch/serialization.py): five pickles (magic number, version, machine, object, keys of the storages), then for each
 * key the number of elements and the elements.
 */
import { Unprocessable } from '../errors.ts';
import {
  describe,
  type PickleCall,
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleObject,
  type PickleValue,
  readPickle,
} from './pickle.ts';
import { bytesPerElement, countElements, type DecodedTensor, type ElementType, tensorOverBytes } from './tensor.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
const COUNT_BYTES = 8;
/** Weights have at most five. With so few the number of elements is a finite number, however large the sizes are. */
const MAX_AXES = 8;

/** Element type of each storage; `i64` is read as i32. */
const STORAGES: ReadonlyMap<string, ElementType | 'i64'> = new Map([
  ['torch FloatStorage', 'f32'],
  ['torch HalfStorage', 'f16'],
  ['torch BFloat16Storage', 'bf16'],
  ['torch LongStorage', 'i64'],
  ['torch IntStorage', 'i32'],
  ['torch ByteStorage', 'u8'],
  ['torch BoolStorage', 'bool'],
]);

/** Elements that tensors share. They lie behind the pickles, so they are read last. */
class Storage extends PickleObject {
  readonly dtype: ElementType | 'i64';
  readonly key: string;
  readonly count: number;
  elements: DecodedTensor | undefined;

  constructor(dtype: ElementType | 'i64', key: string, count: number) {
    super();
    this.dtype = dtype;
    this.key = key;
    this.count = count;
  }
}

/** A view of a storage: element (i, j, ...) lies at offset + i * strides[0] + j * strides[1] + ... */
class Tensor extends PickleObject {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/**
 * The tensors of a state dict, by name. Tensors in row-major order that share elements share them here, too. Int64
 * becomes i32.
 * @throws Unprocessable for a file in another form, with other contents than tensors, or with damage; for an int64 that
 * is no i32.
 */
export function decodeTorchLegacy(bytes: Uint8Array): ReadonlyMap<string, DecodedTensor> {
  if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
    throw malformed('it is a zip archive, the form of PyTorch 1.6 and later');
  }
  const magic = readPickle(bytes);
  if (magic.value !== MAGIC) throw malformed('it does not begin with the magic number of PyTorch');
  const version = readPickle(bytes, magic.end);
  if (version.value !== VERSION) throw malformed(`its version is ${describe(version.value)}, not ${VERSION}`);
  const machine = readPickle(bytes, version.end);
  if (!(machine.value instanceof PickleDict) || machine.value.entries.get('little_endian') !== true) {
    throw malformed('its elements are not little-endian');
  }
  const storages = new Map<string, Storage>();
  const saved = readPickle(bytes, machine.end, { globals: GLOBALS, load: id => loadStorage(id, storages) });
  const keys = readPickle(bytes, saved.end);
  readStorages(bytes, keys.end, keys.value, storages);
  return readTensors(saved.value, bytes.length);
}

const GLOBALS: ReadonlyMap<string, PickleCall | undefined> = new Map<string, PickleCall | undefined>([
  ...[...STORAGES.keys()].map(name => [name, undefined] as const),
  ['collections OrderedDict', makeOrderedDict],
  ['torch._utils _rebuild_tensor_v2', rebuildTensor],
  ['torch._utils _rebuild_parameter', rebuildParameter],
]);

function makeOrderedDict(args: readonly PickleValue[]): PickleValue {
  if (args.length > 0) throw malformed('an OrderedDict is made of something');
  return new PickleDict();
}

/** (storage, offset, shape, strides, requires_grad, hooks) */
function rebuildTensor([storage, offset, shape, strides]: readonly PickleValue[]): PickleValue {
  const isFitting = storage instanceof Storage && isCount(offset) && isCounts(shape) && isCounts(strides);
  if (!isFitting || shape.length !== strides.length || shape.length > MAX_AXES)
    throw malformed('a tensor is not made of a storage and sizes');
  const count = shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((at, size, axis) => at + (size - 1) * (strides[axis] ?? 0), offset);
  // More elements than the storage has would be elements that repeat: few bytes could ask for any amount of memory.
  if (count > storage.count || (count > 0 && last >= storage.count)) {
    throw malformed(`a tensor [${shape.join(', ')}] does not fit into its storage of ${storage.count} elements`);
  }
  return new Tensor(storage, offset, shape, strides);
}

/** (tensor, requires_grad, hooks) */
function rebuildParameter([tensor]: readonly PickleValue[]): PickleValue {
  if (tensor instanceof Tensor) return tensor;
  throw malformed('a parameter is not made of a tensor');
}

/** ('storage', type, key, device, number of elements, view) */
function loadStorage(id: PickleValue, storages: Map<string, Storage>): Storage {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  if (kind !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string' || !isCount(count)) {
    throw malformed('an object outside of the pickle is not a storage');
  }
  if (view !== null && view !== undefined) throw malformed('a storage is a part of another one');
  const dtype = STORAGES.get(type.name);
  if (dtype === undefined) throw malformed(`a storage has the type ${type.name}`);
  const known = storages.get(key);
  if (known === undefined) {
    const storage = new Storage(dtype, key, count);
    storages.set(key, storage);
    return storage;
  }
  if (known.dtype !== dtype || known.count !== count) throw malformed(`the storage "${key}" has two types or sizes`);
  return known;
}

function readStorages(
  bytes: Uint8Array,
  start: number,
  keys: PickleValue,
  storages: ReadonlyMap<string, Storage>,
): void {
  if (!(keys instanceof PickleList)) throw malformed('it does not list its storages');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (const key of keys.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || storage.elements !== undefined) {
      throw malformed(`it lists the storage ${describe(key)}, which no tensor has, or lists it twice`);
    }
    const { dtype, count } = storage;
    const end = at + COUNT_BYTES + count * (dtype === 'i64' ? 8 : bytesPerElement(dtype));
    if (end > bytes.length) throw malformed(`it is cut short: byte ${end} of ${bytes.length} is missing`);
    if (view.getBigUint64(at, true) !== BigInt(count)) throw malformed(`the storage "${storage.key}" has another size`);
    storage.elements = readElements(dtype, count, bytes.subarray(at + COUNT_BYTES, end));
    at = end;
  }
  const missing = [...storages.values()].find(({ elements }) => elements === undefined);
  if (missing) throw malformed(`it does not list the storage "${missing.key}"`);
  if (at !== bytes.length) throw malformed(`${bytes.length - at} bytes follow its last storage`);
}

function readElements(dtype: ElementType | 'i64', count: number, bytes: Uint8Array): DecodedTensor {
  if (dtype !== 'i64') return tensorOverBytes(dtype, [count], bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = Int32Array.from({ length: count }, (_, i) => {
    const value = view.getBigInt64(8 * i, true);
    if (BigInt.asIntN(32, value) === value) return Number(value);
    throw malformed(`the int64 ${value} does not fit into 32 bits`);
  });
  return { dtype: 'i32', shape: [count], data };
}

/** @param limit Most bytes of tensors that are copied since they are not in row-major order. */
function readTensors(saved: PickleValue, limit: number): ReadonlyMap<string, DecodedTensor> {
  if (!(saved instanceof PickleDict)) throw malformed(`it holds ${describe(saved)}, not a state dict`);
  const tensors = new Map<string, DecodedTensor>();
  let copied = 0;
  for (const [name, tensor] of saved.entries) {
    if (!(tensor instanceof Tensor)) throw malformed(`"${name}" is ${describe(tensor)}, not a tensor`);
    const elements = tensor.storage.elements;
    if (elements === undefined) throw malformed(`"${name}" has no elements`);
    if (!isRowMajor(tensor)) copied += countElements(tensor.shape) * bytesPerElement(elements.dtype);
    if (copied > limit) throw malformed('its tensors overlap: together they are larger than the file');
    tensors.set(String(name), viewElements(tensor, elements));
  }
  return tensors;
}

function isRowMajor({ shape, strides }: Tensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 0;
    if (size !== 1 && strides[axis] !== expected) return false;
    expected *= size;
  }
  return true;
}

function viewElements(tensor: Tensor, { dtype, data }: DecodedTensor): DecodedTensor {
  const { shape, strides, offset } = tensor;
  const count = countElements(shape);
  // `dtype` and `data` stay a pair; TypeScript cannot see that through the union.
  if (isRowMajor(tensor)) return { dtype, shape, data: data.subarray(offset, offset + count) } as DecodedTensor;
  const copy = data.slice(0, count);
  const index = shape.map(() => 0);
  let from = offset;
  for (let to = 0; to < count; to++) {
    copy[to] = data[from] ?? 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [size = 0, stride = 0, place = 0] = [shape[axis], strides[axis], index[axis]];
      if (place + 1 < size) {
        index[axis] = place + 1;
        from += stride;
        break;
      }
      index[axis] = 0;
      from -= place * stride;
    }
  }
  return { dtype, shape, data: copy } as DecodedTensor;
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isCounts(value: PickleValue | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every(isCount);
}

function malformed(what: string): Unprocessable {
  return new Unprocessable(`the file of PyTorch does not read: ${what}`, {
    expected: 'a state dict as torch.save writes it with _use_new_zipfile_serialization=False',
  });
}
