/**
 * @file Tensors in files that `torch.save` writes since PyTorch 1.6: a zip archive of stored members in one folder,
 * with `data.pkl`, a pickle, and `data/KEY`, the elements of each storage (caffe2/serialize/inline_container.h).
 */
import { readPickle } from './pickle.ts';
import type { DecodedTensor } from './tensor.ts';
import { decodeTorchLegacy } from './torch-legacy.ts';
import { bytesOfStorage, malformed, readElements, readTensors, torchPickle } from './torch-storages.ts';
import { readZip } from './zip.ts';

/**
 * The tensors of a state dict in either form of PyTorch, by name. Tensors in row-major order that share elements share
 * them here, too. Int64 becomes i32.
 * @throws Unprocessable for other contents than tensors, or damage; for an int64 that is no i32.
 */
export function decodeTorch(bytes: Uint8Array): ReadonlyMap<string, DecodedTensor> {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  return isZip ? decodeTorchZip(bytes) : decodeTorchLegacy(bytes);
}

function decodeTorchZip(bytes: Uint8Array): ReadonlyMap<string, DecodedTensor> {
  const entries = new Map(readZip(bytes).map(entry => [entry.name, entry]));
  const pickle = [...entries.keys()].find(name => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined) throw malformed('the archive has no data.pkl');
  const read = (name: string) => entries.get(pickle.replace(/data\.pkl$/, name))?.read();
  const order = read('byteorder');
  if (order !== undefined && new TextDecoder().decode(order) !== 'little') {
    throw malformed('its elements are not little-endian');
  }
  const { options, storages } = torchPickle();
  const { value } = readPickle(read('data.pkl') ?? new Uint8Array(), 0, options);
  for (const storage of storages.values()) {
    const elements = read(`data/${storage.key}`);
    const expected = bytesOfStorage(storage);
    if (elements?.length !== expected) {
      throw malformed(`the storage "${storage.key}" has ${elements?.length ?? 'no'} bytes, not ${expected}`);
    }
    storage.elements = readElements(storage, elements);
  }
  return readTensors(value, bytes.length);
}
