/** @file Starts child.ts. Only a process that has done nothing before can measure the memory of a run. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { MemoryNetOptions } from './nets.ts';

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url));
const TIMEOUT_MS = 10 * 60_000;

const reportSchema = z.strictObject({
  nodes: z.int(),
  /** Predicted peak in bytes. */
  predicted: z.number(),
  /** Largest growth of the process in bytes. */
  measured: z.number(),
  /** Time of the fastest run. */
  ms: z.number(),
});
export type MemoryReport = z.infer<typeof reportSchema>;

export interface MeasureOptions extends MemoryNetOptions {
  /** True, as in training: ONNX Runtime keeps freed memory. False: ONNX Runtime and the C library return it. */
  readonly arena: boolean;
  readonly threads: number;
  readonly runs: number;
}

export async function measureMemory(net: string, options: MeasureOptions): Promise<MemoryReport> {
  const { remat, chunk, arena, threads, runs } = options;
  const flags = [
    ...(remat ? ['--remat'] : []),
    ...(arena ? ['--arena'] : []),
    ...(chunk ? ['--chunk', String(chunk)] : []),
  ];
  const args = ['--expose-gc', SCRIPT, net, ...flags, '--threads', String(threads), '--runs', String(runs)];
  // glibc raises its threshold for mmap when large blocks are freed, and keeps smaller ones. A fixed threshold prevents
  // it.
  const env = arena ? process.env : { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: TIMEOUT_MS });
  return reportSchema.parse(JSON.parse(stdout));
}
