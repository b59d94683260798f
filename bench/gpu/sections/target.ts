/** @file The description by which XLA compiles for this GPU on machines without it, kept as a file. */
import { copyFile, mkdir, mkdtemp, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeCompileOptions } from '../../../gpu-runner/engines/xla/pjrt/compile-options.ts';
import { baseFlags, openClient, type RunSection } from '../context.ts';

const TEXT = `module @m { func.func public @main(%a: tensor<64x64xf32>) -> tensor<64x64xf32> {
  %0 = stablehlo.add %a, %a : tensor<64x64xf32>
  return %0 : tensor<64x64xf32> } }`;
const ENDING = 'gpu_target_config.pbtxt';

export const run: RunSection = async (context, report) => {
  const client = await openClient(context);
  const folder = await mkdtemp(join(tmpdir(), 'easel-dump-'));
  await client.compile(TEXT, encodeCompileOptions({ flags: { ...baseFlags(context), xla_dump_to: folder } }));
  const { kind } = client.device;
  await client.dispose();
  const written = (await readdir(folder)).find(name => name.endsWith(ENDING));
  if (written === undefined) return report({ file: 'none: only the compiler for GPUs writes one', device: kind });
  await mkdir(context.outFolder, { recursive: true });
  const path = join(context.outFolder, `${kind.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}.pbtxt`);
  await copyFile(join(folder, written), path);
  report({ file: path, bytes: (await stat(path)).size });
};
