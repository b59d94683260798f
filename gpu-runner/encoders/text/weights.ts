/** @file Tensors of a pretrained network from safetensors blobs, as the state of a graph. */
import { Unprocessable } from '../../../errors.ts';
import { fromBf16Bits, toBf16Bits, widenF16 } from '../../../formats/half.ts';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import type { DecodedTensor } from '../../../formats/tensor.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';

export interface NetWeights {
  /** Shape of a tensor; undefined if there is none of that name. */
  shapeOf(name: string): Shape | undefined;
  /**
   * A tensor in f32, or in bf16. Values that are stored so are not copied.
   * @throws Unprocessable if it is missing or has another shape.
   */
  read(name: string, shape: Shape, dtype?: 'f32' | 'bf16'): Tensor;
}

/**
 * @param files Blobs whose tensors together are those of the network. @param keep Names of tensors that it has; others
 * are not read, and may have types that no graph has.
 * @throws Unprocessable for a file that is not safetensors, and for a tensor that is in two files.
 */
export function openWeights(files: readonly Uint8Array[], keep: (name: string) => boolean): NetWeights {
  const tensors = new Map<string, DecodedTensor>();
  for (const file of files) {
    for (const [name, tensor] of Object.entries(decodeSafetensors(file, keep).tensors)) {
      if (tensors.has(name)) throw new Unprocessable(`the weights have the tensor "${name}" twice`);
      tensors.set(name, tensor);
    }
  }
  return {
    shapeOf: name => tensors.get(name)?.shape,
    read(name, shape, dtype = 'f32') {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Unprocessable(`the weights have no tensor "${name}"`);
      if (tensor.shape.join() !== shape.join()) {
        throw new Unprocessable(`the weights have [${tensor.shape.join(', ')}] as "${name}"`, {
          expected: `[${shape.join(', ')}]`,
        });
      }
      return { shape, dtype, data: dtype === 'f32' ? toFloat32(name, tensor) : toBf16(name, tensor) };
    },
  };
}

function toFloat32(name: string, { dtype, data }: DecodedTensor): Float32Array {
  if (dtype === 'f32') return data;
  if (dtype === 'bf16') return Float32Array.from(data, fromBf16Bits);
  if (dtype !== 'f16') throw new Unprocessable(`the weights have ${dtype} as "${name}"`, { expected: 'floats' });
  const wide = new Float32Array(data.length);
  widenF16(data, wide, 0);
  return wide;
}

function toBf16(name: string, tensor: DecodedTensor): Uint16Array {
  if (tensor.dtype === 'bf16') return tensor.data;
  const wide = toFloat32(name, tensor);
  const bits = new Uint16Array(wide.length);
  for (let i = 0; i < wide.length; i++) bits[i] = toBf16Bits(wide[i] ?? 0);
  return bits;
}
