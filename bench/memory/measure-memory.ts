/** @file Starts memory-child.ts: what a run takes can only be told by a process that has done nothing before. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { MemoryNetOptions } from './nets.ts';

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url));
const TIMEOUT_MS = 10 * 60_000;

const reportSchema = z.strictObject({
  nodes: z.int(),
  /** Bytes. */
  predicted: z.number(),
  /** Bytes that the process grew by, at its largest. */
  measured: z.number(),
  /** Of the fastest run. */
  ms: z.number(),
});
export type MemoryReport = z.infer<typeof reportSchema>;

export interface MeasureOptions extends MemoryNetOptions {
  /** As training runs it: ONNX Runtime keeps freed memory. False: it, and the C library, give it back. */
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
  // glibc raises the size from which it maps memory of its own as large blocks are freed, and keeps what is smaller.
  const env = arena ? process.env : { ...process.env, MALLOC_MMAP_THRESHOLD_: '65536' };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: TIMEOUT_MS });
  return reportSchema.parse(JSON.parse(stdout));
}
