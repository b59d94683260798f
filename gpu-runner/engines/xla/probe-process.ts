/** @file The process that probe.ts starts: opens a device of XLA, computes with it, and reports to its parent. */
import { AppError, inOneLine } from '../../../errors.ts';
import { endWithParent } from '../../child/end-with-parent.ts';
import { flagsFor } from './flags.ts';
import { findCudaTools, type XlaPlatform } from './library.ts';
import { encodeCompileOptions } from './pjrt/compile-options.ts';
import type { XlaReport } from './probe.ts';
import { leaseDevice } from './shared-client.ts';

/** Large enough for the library of products on a GPU. */
const SIZE = 64;
const SPEC = { shape: [SIZE, SIZE], dtype: 'f32' } as const;
const T = `tensor<${SIZE}x${SIZE}xf32>`;
const SQUARE = `module @probe {
  func.func public @main(%x: ${T}) -> ${T} {
    %y = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (${T}, ${T}) -> ${T}
    return %y : ${T}
  }
}`;

async function probe(platform: XlaPlatform, plugin: string): Promise<XlaReport> {
  const { device: lease } = await leaseDevice({ platform, plugin, threads: 1, preallocates: false });
  const { client } = lease;
  const cudaTools = platform === 'cuda' ? findCudaTools(plugin) : undefined;
  const flags = flagsFor({ platform, deterministic: true, choices: { by: 'default' }, cudaTools });
  const program = await client.compile(SQUARE, encodeCompileOptions({ flags }));
  const x = client.upload({ ...SPEC, data: new Float32Array(SIZE * SIZE).fill(0.5) });
  const squares = new Float32Array(SIZE * SIZE);
  await program.run([x], [SPEC]).results[0]?.read(squares);
  if (squares.some(y => y !== SIZE / 4))
    return { reason: `the device multiplies wrong: ${squares[0]} for ${SIZE / 4}` };
  const { major, minor } = client.plugin.calls.version;
  const { compute_capability: capability } = client.device.attributes;
  return {
    device: client.device.kind,
    pjrt: `${major}.${minor}`,
    ...(typeof capability === 'string' && { capability }),
    memoryBytes: client.device.readMemory()?.limit,
  };
}

endWithParent();
const [platform, plugin = ''] = process.argv.slice(2);
let report: XlaReport;
try {
  report = await probe(platform === 'cuda' ? 'cuda' : 'cpu', plugin);
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  report = { reason: inOneLine(error) };
}
process.send?.(report, () => process.exit(0));
