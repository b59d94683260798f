/** @file What a process of this machine has taken until now, from /proc. Linux only. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

export interface ProcessCosts {
  /** Milliseconds of the processor, in all threads. */
  readonly processorMs: number;
  /** Bytes of memory that it had at most. */
  readonly peakBytes: number;
}

/** Fields of /proc/PID/stat after the name of the program (proc_pid_stat(5)). */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** @throws Error if there is no such process. */
export async function readCosts(pid: number): Promise<ProcessCosts> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return {
    processorMs: (1000 * (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS]))) / ticksPerSecond,
    peakBytes: Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024,
  };
}
