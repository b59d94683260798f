import { Unprocessable } from '../../errors.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { toFloat32 } from '../../formats/tensor.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { TrainChunkJob } from '../protocol.ts';
import type { FrozenNets } from '../training/load-state.ts';

/**
 * Loads the weights of frozen nets, by net and parameter. Half precision becomes f32. Whole numbers are left out: files
 * of PyTorch have counters beside the weights. Decodes one blob at a time.
 * @throws Unprocessable if a tensor is of another type, or two blobs of one net have it.
 */
export async function loadFrozenNets(
  blobs: BlobStore,
  weights: NonNullable<TrainChunkJob['weights']>,
): Promise<FrozenNets> {
  const nets: Record<string, Record<string, Tensor>> = {};
  for (const [net, digests] of Object.entries(weights)) {
    const tensors = new Map<string, Tensor>();
    for (const digest of digests) {
      for (const [name, tensor] of Object.entries(decodeSafetensors(await blobs.get(digest)).tensors)) {
        if (tensor.dtype === 'i32') continue;
        if (tensors.has(name)) {
          throw new Unprocessable(`two weight files of the frozen net "${net}" have a tensor "${name}"`, {
            expected: 'each tensor in one file',
          });
        }
        const data = toFloat32(tensor);
        if (data === undefined) {
          throw new Unprocessable(`the tensor "${name}" of "${net}" is ${tensor.dtype}`, {
            expected: 'f32, f16 or bf16',
          });
        }
        tensors.set(name, { shape: tensor.shape, dtype: 'f32', data });
      }
    }
    nets[net] = Object.fromEntries(tensors);
  }
  return nets;
}
