import { encodeSafetensors } from '../../../../formats/safetensors.ts';
import type { EncodableTensor } from '../../../../formats/tensor.ts';
import { sizeOf } from '../../../compiler/tensor.ts';
import { convolutionsOf, type EfficientNet, layOut } from '../network.ts';

/** A weights file with pseudo-random kernels and norms that change nothing. Equal calls give equal bytes. */
export function makeRandomWeights(net: EfficientNet): Uint8Array {
  const tensors: Record<string, EncodableTensor> = {};
  let state = 1;
  for (const { name, norm, shape } of convolutionsOf(layOut(net))) {
    const [outputs = 0] = shape;
    const data = new Float32Array(sizeOf(shape));
    // A uniform number of this range keeps the variance of features after ReLU.
    const range = Math.sqrt((6 * outputs) / data.length);
    for (let i = 0; i < data.length; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      data[i] = (state / 2 ** 31 - 1) * range;
    }
    tensors[`${name}.weight`] = { dtype: 'f32', shape, data };
    for (const [part, value] of Object.entries({ weight: 1, bias: 0, running_mean: 0, running_var: 1 })) {
      const filled = new Float32Array(outputs).fill(value);
      tensors[`${norm}.${part}`] = { dtype: 'f32', shape: [outputs], data: filled };
    }
  }
  return encodeSafetensors(tensors);
}
