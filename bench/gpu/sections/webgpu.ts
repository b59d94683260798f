/** @file onnxruntime/webgpu on the Vulkan driver of the card: products, and a small training step in f32 and f16. */
import { countFlops } from '../../../gpu-runner/compiler/flops.ts';
import { createWebGpuEngine } from '../../../gpu-runner/engines/onnxruntime/webgpu.ts';
import { probeWebGpu } from '../../../gpu-runner/engines/onnxruntime/webgpu-probe.ts';
import { MODEL_NETS, traceModelNet } from '../../model-nets.ts';
import { measurePeak, timeGraph } from '../../timing.ts';
import type { RunSection } from '../context.ts';

export const run: RunSection = async ({ isSmall }, report) => {
  const { available, reason = '', device = '', precisions = ['f32'] } = await probeWebGpu();
  if (!available) return report({ webgpu: `it cannot run: ${reason}` });
  const name = isSmall ? 'tiny' : 'small';
  const { graph } = traceModelNet(MODEL_NETS[name]);
  const rounds = isSmall ? 1 : 5;
  for (const precision of precisions) {
    const engine = await createWebGpuEngine({ precision });
    const peak = await measurePeak(engine, rounds, isSmall ? [128] : [1024, 2048, 4096]);
    const ms = await timeGraph(engine, graph, rounds);
    report({
      device,
      net: name,
      precision,
      gradient_ms: ms,
      samples_per_s: (MODEL_NETS[name].shape.batch * 1000) / ms,
      tflops: countFlops(graph) / 1e9 / ms,
      product_tflops: peak.gflops / 1000,
    });
    await engine.dispose();
  }
};
