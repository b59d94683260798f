/** @file The tensors of a vision transformer in files of Hugging Face transformers, under one set of names. */
import { Unprocessable } from '../../../errors.ts';
import { fromBf16Bits, widenF16 } from '../../../formats/half.ts';
import { decodeSafetensors } from '../../../formats/safetensors.ts';
import type { DecodedTensor } from '../../../formats/tensor.ts';
import type { Shape } from '../../compiler/tensor.ts';

/** What files of DINOv3 call a thing, by what Dinov2 or a later version of transformers calls it. */
const RENAMED: readonly (readonly [RegExp, string])[] = [
  [/^(dinov2|dinov2_with_registers|dinov3_vit)\./, ''],
  [/^(model|encoder)\.layer\./, 'layer.'],
  [/^layernorm\./, 'norm.'],
  [/^embeddings\.patch_embeddings\.projection\./, 'embeddings.patch_embeddings.'],
  [/\.attention\.attention\.query\./, '.attention.q_proj.'],
  [/\.attention\.attention\.key\./, '.attention.k_proj.'],
  [/\.attention\.attention\.value\./, '.attention.v_proj.'],
  [/\.attention\.output\.dense\./, '.attention.o_proj.'],
  [/\.mlp\.fc1\./, '.mlp.up_proj.'],
  [/\.mlp\.(fc2|weights_out)\./, '.mlp.down_proj.'],
];

export class NamedTensors {
  readonly #encoder: string;
  readonly #tensors = new Map<string, DecodedTensor>();

  /**
   * @param encoder Its name, for errors. @param files safetensors, whose tensors together are the model.
   * @throws Unprocessable for a file that is none, and for a tensor that is in two of them.
   */
  constructor(encoder: string, files: readonly Uint8Array[]) {
    this.#encoder = encoder;
    for (const file of files) {
      for (const [given, tensor] of Object.entries(decodeSafetensors(file).tensors)) {
        const name = RENAMED.reduce((text, [from, to]) => text.replace(from, to), given);
        if (this.#tensors.has(name)) throw this.refuse(`have the tensor "${given}" twice`);
        this.#tensors.set(name, tensor);
      }
    }
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** @throws Unprocessable if there is no such tensor. */
  shapeOf(name: string): Shape {
    return this.#require(name).shape;
  }

  /** Its numbers. @throws Unprocessable if it is missing, has another shape, or holds no real numbers. */
  read(name: string, shape: Shape): Float32Array {
    const tensor = this.#require(name);
    if (tensor.shape.join() !== shape.join()) {
      throw this.refuse(`have ${tensor.dtype}[${tensor.shape.join(', ')}] as "${name}"`, `[${shape.join(', ')}]`);
    }
    switch (tensor.dtype) {
      case 'f32':
        return tensor.data;
      case 'f16': {
        const wide = new Float32Array(tensor.data.length);
        widenF16(tensor.data, wide, 0);
        return wide;
      }
      case 'bf16':
        return Float32Array.from(tensor.data, fromBf16Bits);
      default:
        throw this.refuse(`have ${tensor.dtype} numbers as "${name}"`, 'f32, f16 or bf16');
    }
  }

  /** An error about the weights: `the weights of NAME WHAT`. */
  refuse(what: string, expected = 'the files of the model on the Hugging Face hub'): Unprocessable {
    return new Unprocessable(`the weights of ${this.#encoder} ${what}`, { expected });
  }

  #require(name: string): DecodedTensor {
    const tensor = this.#tensors.get(name);
    if (tensor) return tensor;
    throw this.refuse(`have no tensor "${name}"`);
  }
}
