/** @file Starts the fake runner as a process of its own, on a free port and a device name of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { samplingSchema } from '../../configs/sampling.ts';
import { digestOf } from '../../storage/digest.ts';
import type { SampleJob, TrainChunkJob } from '../protocol.ts';

export const SECRET = 'a secret for tests only';

export interface SpawnedRunner {
  readonly address: string;
  readonly process: ChildProcess;
  readonly env: Readonly<Record<string, string>>;
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Lines that the fake jobs wrote to FAKE_TRACE. */
  trace(): Promise<readonly string[]>;
  /** Everything printed so far. */
  output(): string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** Rejects with the printed lines when the process ends before it listens. */
export async function spawnRunner(folder: string, env: Readonly<Record<string, string>> = {}): Promise<SpawnedRunner> {
  const own = {
    EASEL_STORE: `file:${join(folder, 'store')}`,
    EASEL_CACHE: join(folder, 'cache'),
    EASEL_RUNNER_PORT: '0',
    EASEL_RUNNER_SECRET: SECRET,
    EASEL_DEVICE: `test-${randomUUID()}`,
    FAKE_TRACE: join(folder, 'trace'),
    ...env,
  };
  const child = spawn(process.execPath, [fileURLToPath(new URL('./fake-runner.ts', import.meta.url))], {
    env: { PATH: process.env.PATH, HOME: folder, ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const ended = new Promise<number | string>(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? code ?? -1));
  });
  const address = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => {
        output += `${line}\n`;
        const found = /listening on (http:\S+)/.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
    }
    child.once('close', code => reject(new Error(`exit ${code}: ${output}`)));
  });
  return {
    address,
    process: child,
    env: own,
    ended,
    trace: async () => (await readFile(own.FAKE_TRACE, 'utf8').catch(() => '')).split('\n').filter(Boolean),
    output: () => output,
    fetch: (path, init = {}) =>
      fetch(new URL(path, address), {
        ...init,
        headers: { authorization: `Bearer ${own.EASEL_RUNNER_SECRET}`, ...init.headers },
      }),
  };
}

const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;

export function fakeChunk(from: number, to: number, parent?: TrainChunkJob['parent']): TrainChunkJob {
  return {
    kind: 'train-chunk',
    config: digestOf('config'),
    ...(parent === undefined ? {} : { parent }),
    dataset: digestOf('dataset'),
    from,
    to,
    engine,
    plan: { micro_batch: 1, gradient_checkpointing: false },
  };
}

export function fakeSample(seed: number, steps = 2): SampleJob {
  return {
    kind: 'sample',
    checkpoint: digestOf('checkpoint'),
    conditions: digestOf('conditions'),
    width: 8,
    height: 8,
    ...samplingSchema.parse({ steps, guidance: 1, seed }),
    first: 0,
    weights: 'ema',
    engine,
  };
}

/** The checkpoint that a fake chunk of steps [0, to) stores. */
export function fakeCheckpoint(to: number): string {
  return Array.from({ length: to }, (_, step) => `${step},`).join('');
}
