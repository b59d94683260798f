/** @file Probes a device in another process, since opening it may crash or hang in the driver. */
import { fork } from 'node:child_process';
import type { z } from 'zod';

const STDERR_CHARACTERS = 300;

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
export function runProbe<T>(probe: ForkedProbe<T>): Promise<T | { readonly reason: string }> {
  const { program, args = [], subject, suspect, timeoutMs, env } = probe;
  return new Promise(resolve => {
    const child = fork(program, args, { execArgv: [], env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let report: T | undefined;
    let stderr = '';
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stderr?.on('data', chunk => {
      stderr = `${stderr}${chunk}`.slice(-STDERR_CHARACTERS);
    });
    child.on('message', message => {
      report = probe.report.safeParse(message).data;
    });
    const finish = (reason: string) => {
      clearTimeout(timer);
      resolve(report ?? { reason });
    };
    child.on('error', error => finish(`the process that probes ${subject} did not start: ${error.message}`));
    child.on('close', (code, signal) => {
      const end = signal === null ? `with status ${code}` : `by ${signal}`;
      const said = stderr.trim();
      finish(
        isLate
          ? `${suspect} did not answer within ${timeoutMs / 1000} s`
          : `the process that probes ${subject} ended ${end}${said && `: ${said}`}; check ${suspect}`,
      );
    });
  });
}
