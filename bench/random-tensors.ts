import { toBf16Bits } from '../formats/half.ts';
import { sizeOf, type Tensor, type TensorSpec } from '../gpu-runner/compiler/tensor.ts';
import { RandomStream } from '../numerics/random-stream.ts';

/**
 * f32 or bf16 tensors of normal random numbers times `scale`. The numbers depend on the position of a tensor, not on
 * its name.
 */
export function randomTensors(specs: ReadonlyMap<string, TensorSpec>, scale: number): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [index, [name, spec]] of [...specs].entries()) {
    const data = new Float32Array(sizeOf(spec.shape));
    new RandomStream(0, 'sample', index).fillNormal(data);
    const scaled = data.map(x => x * scale);
    tensors[name] = { ...spec, data: spec.dtype === 'bf16' ? Uint16Array.from(scaled, toBf16Bits) : scaled };
  }
  return tensors;
}
