/** @file Opens the WebGPU device and checks it with a product of two numbers. */

import type { Precision } from '../../../configs/engines.ts';
import { Unprocessable } from '../../../errors.ts';
import { cast, mul } from '../../compiler/functions.ts';
import { ONNX_PREFIX } from '../../compiler/targets/onnx/emitter.ts';
import { lowerToOnnx } from '../../compiler/targets/onnx/lower.ts';
import { tensorOf } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { ort, toOrt } from './runtime.ts';

/** Opens a session that has run on the device. It keeps the device open. @throws Unprocessable with the reason. */
export async function openDevice(precision: Precision): Promise<ort.InferenceSession> {
  const graph = trace(builder => {
    const x = cast(builder.input('x', { shape: [1], dtype: 'f32' }), precision);
    return { outputs: { y: cast(mul(x, x), 'f32') } };
  });
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(lowerToOnnx(graph, { fusedMatMul: false }).bytes, {
      executionProviders: ['webgpu'],
      // Without this, the CPU would compute the product.
      extra: { session: { disable_cpu_ep_fallback: '1' } },
      logSeverityLevel: 4,
    });
    const { [`${ONNX_PREFIX.output}y`]: y } = await session.run({
      [`${ONNX_PREFIX.input}x`]: toOrt(tensorOf([1], [3])),
    });
    if (y?.data[0] !== 9) throw new Error(`3 times 3 on the device is ${y?.data[0]}`);
    return session;
  } catch (error) {
    await session?.release();
    throw new Unprocessable(explain(error, precision), { cause: error });
  }
}

function explain(error: unknown, precision: Precision): string {
  const message = error instanceof Error ? error.message : String(error);
  if (/requires f16/.test(message)) return `the WebGPU device does not compute in ${precision}`;
  if (!/WebGPU adapter/.test(message)) return `the WebGPU device does not work: ${message}`;
  if (process.platform === 'darwin') return 'there is no WebGPU adapter: Metal offers none';
  return (
    'there is no WebGPU adapter: install the Vulkan loader and the Vulkan driver of the GPU (Debian and Ubuntu: ' +
    'libvulkan1 and mesa-vulkan-drivers; NVIDIA: its own driver), and let this user open /dev/dri/renderD*'
  );
}
