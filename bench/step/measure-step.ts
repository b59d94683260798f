/** @file Starts child.ts: only a process that has done nothing before can measure the memory of a training. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { GradientCheckpointing } from '../../configs/gradient-checkpointing.ts';
import type { EngineSpec } from '../../storage/records.ts';

const SCRIPT = fileURLToPath(new URL('./child.ts', import.meta.url));
const TIMEOUT_MS = 30 * 60_000;

export const CLOCKS = ['wall', 'processor'] as const;
export type Clock = (typeof CLOCKS)[number];

const reportSchema = z.strictObject({
  /** Time of the fastest step. */
  ms: z.number(),
  /** Share of that step outside forward and backward. */
  outside: z.number(),
  /** Operations per second of the engine's fastest matrix product. */
  peak: z.number(),
  /** Largest growth of the process. */
  bytes: z.number(),
});

export interface StepOptions {
  readonly net: string;
  readonly spec: EngineSpec;
  /** Of one update. */
  readonly microBatches: number;
  readonly runs: number;
  /** `processor`: time of the processor, which other programs on the machine hardly change. */
  readonly clock: Clock;
  readonly checkpointing: GradientCheckpointing;
}

export async function measureStep(options: StepOptions): Promise<z.output<typeof reportSchema>> {
  const args = ['--expose-gc', SCRIPT, JSON.stringify(options)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: TIMEOUT_MS });
  return reportSchema.parse(JSON.parse(stdout));
}
