/** @file Memory of programs on a card that need not be there: XLA compiles for it and says what a run takes. */
import type { Card } from '../../../configs/cards.ts';
import type { Precision } from '../../../configs/engines.ts';
import type { Planner } from '../../compiler/planner.ts';
import { flagsFor } from './flags.ts';
import { hasAttentionKernel, lowerForXla } from './lowering.ts';
import { compileFor } from './pjrt/ahead-of-time.ts';
import type { CompilerFlags } from './pjrt/compile-options.ts';
import { openPlugin } from './pjrt/plugin.ts';
import { targetConfigOf } from './target-config.ts';

/** They save time in the last stages, which come after memory is assigned. */
const QUICK: CompilerFlags = {
  xla_backend_optimization_level: 0,
  xla_gpu_disable_gpuasm_optimizations: true,
  // Without a GPU, cuDNN cannot say whether it takes an attention.
  xla_gpu_cudnn_deviceless_compilation_mode: 'CUDNN_DEVICELESS_COMPILATION_DISABLED',
};

export interface XlaPlannerOptions {
  /** Path of the plugin. */
  readonly plugin: string;
  /** Folder with bin/ptxas and nvvm/libdevice. */
  readonly cudaFolder: string;
  readonly card: Card;
  readonly precision: Precision;
}

/** @throws Unprocessable if the plugin does not load. */
export async function createXlaPlanner({ plugin, cudaFolder, card, precision }: XlaPlannerOptions): Promise<Planner> {
  const opened = await openPlugin(plugin);
  const settings = { platform: 'cuda', deterministic: true, choices: { by: 'default' } } as const;
  const flags = { ...flagsFor({ ...settings, cudaTools: cudaFolder }), ...QUICK };
  const fusesAttention = hasAttentionKernel('cuda', precision);
  return {
    basis: 'compiled',
    precision,
    tuning: { fusesAttention },
    buffersPerState: 1,
    async plan(graph) {
      const { text } = lowerForXla(graph, fusesAttention);
      const { memory } = await compileFor(opened, { config: targetConfigOf(card) }, text, { flags });
      return { peakBytes: memory.peak };
    },
  };
}
