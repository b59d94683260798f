/**
 * @file Tensors in the pickles of PyTorch (torch/serialization.py, torch/_utils.py). A pickle names storages by keys,
 * and tensors as views of them. The elements lie outside of the pickle; where, depends on the container.
 */
import { Unprocessable } from '../errors.ts';
import {
  describe,
  type PickleCall,
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleObject,
  type PickleOptions,
  type PickleValue,
} from './pickle.ts';
import { bytesPerElement, countElements, type DecodedTensor, type ElementType, tensorOverBytes } from './tensor.ts';

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
export class Storage extends PickleObject {
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

/** Storages by their keys. */
export type Storages = ReadonlyMap<string, Storage>;

/** Options that let a pickle name tensors, and the storages that it names. */
export function torchPickle(): { readonly options: PickleOptions; readonly storages: Storages } {
  const storages = new Map<string, Storage>();
  return { options: { globals: GLOBALS, load: id => loadStorage(id, storages) }, storages };
}

const GLOBALS: ReadonlyMap<string, PickleCall | undefined> = new Map<string, PickleCall | undefined>([
  ...[...STORAGES.keys()].map(name => [name, undefined] as const),
  ['collections OrderedDict', makeOrderedDict],
  ['torch._utils _rebuild_tensor_v2', rebuildTensor],
  // Of PyTorch before 0.4.
  ['torch._utils _rebuild_tensor', rebuildTensor],
  ['torch._utils _rebuild_parameter', rebuildParameter],
]);

/** (), or of Python 2 (a list of [key, value]). */
function makeOrderedDict([items, ...others]: readonly PickleValue[]): PickleValue {
  const dict = new PickleDict();
  if (items === undefined) return dict;
  if (!(items instanceof PickleList) || others.length > 0) throw malformed('an OrderedDict is made of something else');
  for (const item of items.items) {
    const [key, value, ...more] = item instanceof PickleList ? item.items : [];
    if (typeof key !== 'string' || value === undefined || more.length > 0) {
      throw malformed(`an OrderedDict has ${describe(item)} instead of a key and a value`);
    }
    dict.entries.set(key, value);
  }
  return dict;
}

/** (storage, offset, shape, strides), and in the second version (requires_grad, hooks). */
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

/** Bytes of the elements of a storage. */
export function bytesOfStorage({ dtype, count }: Storage): number {
  return count * (dtype === 'i64' ? 8 : bytesPerElement(dtype));
}

/** Elements of {@link bytesOfStorage} bytes. @throws Unprocessable for an int64 that is no i32. */
export function readElements({ dtype, count }: Storage, bytes: Uint8Array): DecodedTensor {
  if (dtype !== 'i64') return tensorOverBytes(dtype, [count], bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = Int32Array.from({ length: count }, (_, i) => {
    const value = view.getBigInt64(8 * i, true);
    if (BigInt.asIntN(32, value) === value) return Number(value);
    throw malformed(`the int64 ${value} does not fit into 32 bits`);
  });
  return { dtype: 'i32', shape: [count], data };
}

/**
 * The tensors of a state dict, whose storages have their elements.
 * @param limit Most bytes of tensors that are copied since they are not in row-major order.
 * @throws Unprocessable for other contents.
 */
export function readTensors(saved: PickleValue, limit: number): ReadonlyMap<string, DecodedTensor> {
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

export function malformed(what: string): Unprocessable {
  return new Unprocessable(`the file of PyTorch does not read: ${what}`, {
    expected: 'a state dict as torch.save writes it',
  });
}
