import { configSchema } from '../configs/schema.ts';
import type { Graph } from '../gpu-runner/compiler/graph.ts';
import { traceGradGraph } from '../gpu-runner/training/grad-graph.ts';

/** The gradient graph as the demo trains it: the default model at 64 pixels, batch 64, captions of up to 32 words. */
export function traceDemoNet(): Graph {
  const config = configSchema.parse({
    model: {
      conditions: {
        text: { encoder: 'words', dim: 192, tokens: 64 },
        cls: { encoder: 'dct', dim: 64 },
        patches: { encoder: 'dct', dim: 27, stride: 8 },
      },
    },
  });
  const shape = { batch: 64, height: 64, width: 64, textTokens: 32 };
  return traceGradGraph(config, shape, { accumulate: false, microBatches: 1 }).graph;
}
