/** @file Probes a device in another process, since opening it may crash or hang in the driver. */
import type { z } from 'zod';
import { forkChild } from '../child/fork-child.ts';

export interface ForkedProbe<T> {
  /** Sends one report to its parent, and ends. */
  readonly program: URL;
  readonly args?: readonly string[];
  readonly report: z.ZodType<T>;
  /** What is probed, such as "WebGPU". */
  readonly subject: string;
  /** What to check if the process ends without a report, such as "the GPU driver". */
  readonly suspect: string;
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
}

/** @returns The report, or why there is none. */
export async function runProbe<T>(probe: ForkedProbe<T>): Promise<T | { readonly reason: string }> {
  const { program, args = [], subject, suspect, timeoutMs, env } = probe;
  let report: T | undefined;
  let isLate = false;
  const child = forkChild({
    ...{ program, args, env, name: `the process that probes ${subject}` },
    onMessage(message) {
      report = probe.report.safeParse(message).data;
    },
  });
  const timer = setTimeout(() => {
    isLate = true;
    child.kill();
  }, timeoutMs);
  const { hasStarted, text } = await child.ended.finally(() => clearTimeout(timer));
  if (report !== undefined) return report;
  if (isLate) return { reason: `${suspect} did not answer within ${timeoutMs / 1000} s` };
  return { reason: hasStarted ? `${text}; check ${suspect}` : text };
}
