/** @file Tensors of a pretrained network from safetensors blobs, as the state of a graph. */
import { Unprocessable } from '../../errors.ts';
import { toBf16Bits } from '../../formats/half.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { type DecodedTensor, toFloat32 } from '../../formats/tensor.ts';
import type { Shape, Tensor } from '../compiler/tensor.ts';

export interface NetWeights {
  /** Name of the encoder, for errors. */
  readonly encoder: string;
  /** Shape of a tensor; undefined if there is none of that name. */
  shapeOf(name: string): Shape | undefined;
  /**
   * A tensor in f32, or in bf16. Values that are stored so are not copied.
   * @throws Unprocessable if it is missing, has another shape, or holds no real numbers.
   */
  read(name: string, shape: Shape, dtype?: 'f32' | 'bf16'): Tensor;
}

export interface WeightNames {
  /** Names in the files of tensors that the network has; others are not read, and may have types that no graph has. */
  readonly keep?: (name: string) => boolean;
  /** The name under which a tensor of the files is read; default: its own. */
  readonly rename?: (name: string) => string;
}

/**
 * @param files Blobs whose tensors together are those of the network.
 * @throws Unprocessable for a file that is not safetensors, and for a tensor that is in two files.
 */
export function openWeights(
  encoder: string,
  files: readonly Uint8Array[],
  { keep, rename = name => name }: WeightNames = {},
): NetWeights {
  const tensors = new Map<string, DecodedTensor>();
  for (const file of files) {
    for (const [given, tensor] of Object.entries(decodeSafetensors(file, keep).tensors)) {
      const name = rename(given);
      if (tensors.has(name)) throw refuseWeights(encoder, `have the tensor "${given}" twice`);
      tensors.set(name, tensor);
    }
  }
  return {
    encoder,
    shapeOf: name => tensors.get(name)?.shape,
    read(name, shape, dtype = 'f32') {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw missing(encoder, name);
      if (tensor.shape.join() !== shape.join()) {
        const found = `have ${tensor.dtype}[${tensor.shape.join(', ')}] as "${name}"`;
        throw refuseWeights(encoder, found, `[${shape.join(', ')}]`);
      }
      if (dtype === 'bf16' && tensor.dtype === 'bf16') return { shape, dtype, data: tensor.data };
      const floats = toFloat32(tensor);
      if (floats === undefined) {
        throw refuseWeights(encoder, `have ${tensor.dtype} numbers as "${name}"`, 'f32, f16 or bf16');
      }
      return { shape, dtype, data: dtype === 'f32' ? floats : Uint16Array.from(floats, toBf16Bits) };
    },
  };
}

/** @throws Unprocessable if there is no such tensor. */
export function requireShape(weights: NetWeights, name: string): Shape {
  const shape = weights.shapeOf(name);
  if (shape) return shape;
  throw missing(weights.encoder, name);
}

/** The numbers of a tensor. @throws Unprocessable as {@link NetWeights.read} */
export function readFloats(weights: NetWeights, name: string, shape: Shape): Float32Array {
  return weights.read(name, shape).data as Float32Array;
}

/** An error about the weights: `the weights of ENCODER WHAT`. */
export function refuseWeights(
  encoder: string,
  what: string,
  expected = 'the files of the model on the Hugging Face hub',
): Unprocessable {
  return new Unprocessable(`the weights of ${encoder} ${what}`, { expected });
}

function missing(encoder: string, name: string): Unprocessable {
  return refuseWeights(encoder, `have no tensor "${name}"`);
}
