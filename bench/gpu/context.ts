/** @file What a section of bench/gpu.ts knows: the plugin, and how large its work may be. */
import { basename } from 'node:path';
import { z } from 'zod';
import { XlaClient } from '../../gpu-runner/engines/xla/pjrt/client.ts';
import type { CompilerFlags } from '../../gpu-runner/engines/xla/pjrt/compile-options.ts';
import { openPlugin } from '../../gpu-runner/engines/xla/pjrt/plugin.ts';
import type { Row } from './run-sections.ts';

const contextSchema = z.strictObject({
  /** Path of the plugin. Empty: there is none, and only sections that need none run. */
  plugin: z.string(),
  platform: z.enum(['cuda', 'cpu']),
  /** Small networks and few runs: a rehearsal that takes a CPU seconds. */
  isSmall: z.boolean(),
  /** Folder with bin/ptxas and nvvm/libdevice. */
  cudaFolder: z.string().optional(),
  /** Folder for files that the reader may want. */
  outFolder: z.string(),
  /** Folder for compiled programs of this run. */
  cacheFolder: z.string(),
  /** LD_LIBRARY_PATH as it was: PyTorch finds its own libraries. */
  libraryPath: z.string().optional(),
});
export type Context = z.infer<typeof contextSchema>;

export type Report = (row: Row) => void;

/** What a section does; rows are printed as they come. */
export type RunSection = (context: Context, report: Report) => Promise<void>;

/** The variable that carries the context to the process of a section, as JSON. */
export const CONTEXT_VARIABLE = 'EASEL_GPU_BENCH';

export function readContext(env: NodeJS.ProcessEnv = process.env): Context {
  return contextSchema.parse(JSON.parse(env[CONTEXT_VARIABLE] ?? '{}'));
}

/** Variables of a section's process: the context, and where the engine finds plugin, tools and libraries. */
export function environmentOf(context: Context, libraryFolders: readonly string[]): Record<string, string> {
  const { plugin, platform, cudaFolder } = context;
  const libraries = [...libraryFolders, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  return {
    [CONTEXT_VARIABLE]: JSON.stringify(context),
    ...(plugin !== '' && { [platform === 'cuda' ? 'XLA_CUDA_PLUGIN' : 'XLA_CPU_PLUGIN']: plugin }),
    ...(cudaFolder !== undefined && { XLA_CUDA_DATA_DIR: cudaFolder }),
    ...(libraries !== '' && { LD_LIBRARY_PATH: libraries }),
  };
}

/** A plugin for CUDA has it in its name. */
export function platformOf(plugin: string): Context['platform'] {
  return basename(plugin).includes('cuda') ? 'cuda' : 'cpu';
}

/** @param memoryFraction Share of the memory that the client may take. */
export async function openClient({ plugin, platform }: Context, memoryFraction = 0.9): Promise<XlaClient> {
  const options =
    platform === 'cuda'
      ? { visible_devices: [0n], preallocate: false, memory_fraction: memoryFraction }
      : { cpu_device_count: 1n };
  return XlaClient.open(await openPlugin(plugin), options);
}

/** Flags that every program needs. */
export function baseFlags({ platform, cudaFolder }: Context): CompilerFlags {
  return platform === 'cuda' && cudaFolder !== undefined ? { xla_gpu_cuda_data_dir: cudaFolder } : {};
}
