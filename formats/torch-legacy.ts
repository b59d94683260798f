/**
 * @file Tensors in files that `torch.save` wrote before PyTorch 1.6, and still writes without zip (`_legacy_save` of
 * torch/serialization.py): five pickles (magic number, version, machine, object, keys of the storages), then for each
 * key the number of elements and the elements.
 */
import { describe, PickleDict, PickleList, type PickleValue, readPickle } from './pickle.ts';
import type { DecodedTensor } from './tensor.ts';
import { bytesOfStorage, malformed, readElements, readTensors, type Storages, torchPickle } from './torch-storages.ts';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;
const COUNT_BYTES = 8;

/**
 * The tensors of a state dict, by name. Tensors in row-major order that share elements share them here, too. Int64
 * becomes i32.
 * @throws Unprocessable for a file in another form, with other contents than tensors, or with damage; for an int64 that
 * is no i32.
 */
export function decodeTorchLegacy(bytes: Uint8Array): ReadonlyMap<string, DecodedTensor> {
  const magic = readPickle(bytes);
  if (magic.value !== MAGIC) throw malformed('it does not begin with the magic number of PyTorch');
  const version = readPickle(bytes, magic.end);
  if (version.value !== VERSION) throw malformed(`its version is ${describe(version.value)}, not ${VERSION}`);
  const machine = readPickle(bytes, version.end);
  if (!(machine.value instanceof PickleDict) || machine.value.entries.get('little_endian') !== true) {
    throw malformed('its elements are not little-endian');
  }
  const { options, storages } = torchPickle();
  const saved = readPickle(bytes, machine.end, options);
  const keys = readPickle(bytes, saved.end);
  readStorages(bytes, keys.end, keys.value, storages);
  return readTensors(saved.value, bytes.length);
}

function readStorages(bytes: Uint8Array, start: number, keys: PickleValue, storages: Storages): void {
  if (!(keys instanceof PickleList)) throw malformed('it does not list its storages');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (const key of keys.items) {
    const storage = typeof key === 'string' ? storages.get(key) : undefined;
    if (storage === undefined || storage.elements !== undefined) {
      throw malformed(`it lists the storage ${describe(key)}, which no tensor has, or lists it twice`);
    }
    const end = at + COUNT_BYTES + bytesOfStorage(storage);
    if (end > bytes.length) throw malformed(`it is cut short: byte ${end} of ${bytes.length} is missing`);
    if (view.getBigUint64(at, true) !== BigInt(storage.count))
      throw malformed(`the storage "${storage.key}" has another size`);
    storage.elements = readElements(storage, bytes.subarray(at + COUNT_BYTES, end));
    at = end;
  }
  const missing = [...storages.values()].find(({ elements }) => elements === undefined);
  if (missing) throw malformed(`it does not list the storage "${missing.key}"`);
  if (at !== bytes.length) throw malformed(`${bytes.length - at} bytes follow its last storage`);
}
