/** @file Compiled PyTorch in bf16 on the same network and device (bench/peers/torch_gpu.py), if a Python has it. */
import { z } from 'zod';
import type { KeyedConfig } from '../configs/schema.ts';
import type { BatchShape } from '../gpu-runner/model/batch.ts';
import type { Context } from './gpu/context.ts';
import { peerConfig, runPython } from './torch-peer.ts';

const rowSchema = z.strictObject({
  version: z.string(),
  mode: z.string(),
  attention: z.string(),
  params: z.int(),
  ms: z.number(),
  peak_bytes: z.int().nullable(),
});

/** Returns the reason in one line if it did not run. */
export async function timeTorchOnGpu(
  config: KeyedConfig,
  shape: BatchShape,
  { platform, isSmall, libraryPath }: Pick<Context, 'platform' | 'isSmall' | 'libraryPath'>,
): Promise<z.infer<typeof rowSchema> | string> {
  if (platform === 'cpu') return 'torch is compared on a GPU only';
  const args = ['--device', 'cuda', '--runs', isSmall ? '2' : '10', '--config', peerConfig({ config, shape })];
  const { lines, errors, status } = await runPython('torch_gpu.py', args, {
    ...process.env,
    LD_LIBRARY_PATH: libraryPath,
  });
  const [line] = lines.filter(each => each.startsWith('{'));
  if (line !== undefined) return rowSchema.parse(JSON.parse(line));
  return `torch did not run: status ${status}, ${errors.split('\n').at(-1) ?? ''}`.slice(0, 300);
}
