/** @file Measures the best number of threads for an engine, once per machine, and keeps it in the cache folder. */
import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import PQueue from 'p-queue';
import { z } from 'zod';
import { makeFolders } from '../../configs/make-folders.ts';
import { gelu, linear } from '../compiler/composites.ts';
import type { Engine, EngineProbe } from '../compiler/engine.ts';
import { square, sumAll } from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import { emptyTensor } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';
import { identifyCpu } from './cpu-info.ts';

/** A machine with fewer threads uses all of them. */
const FEWEST_TO_CHOOSE = 4;
/** Half of the threads are used only if a step takes less than this share of the time: measurements are noisy. */
const MARGIN = 0.9;

const recordSchema = z.strictObject({
  v: z.literal(1),
  threads: z.int().min(1),
  /** Milliseconds of a step by number of threads. */
  measured: z.record(z.string(), z.number()),
});

export interface ThreadChoice {
  /** Name and version of the engine; another version is measured again. */
  readonly engine: string;
  readonly cacheFolder: string;
  readonly parallelism: number;
  /** Milliseconds of a typical step on this number of threads. */
  time(threads: number): Promise<number>;
  readonly cpu?: string;
}

/**
 * Counts to measure: all hardware threads, and half of them, since two threads of one core may slow each other down.
 */
function candidates(parallelism: number): number[] {
  return parallelism < FEWEST_TO_CHOOSE ? [parallelism] : [parallelism, Math.ceil(parallelism / 2)];
}

/** Runs one measurement at a time, since engines are probed side by side. */
const turns = new PQueue({ concurrency: 1 });

export interface MeasureOptions {
  readonly cacheFolder: string;
  /** A number that a person chose; nothing is measured then. */
  readonly fixed?: number | undefined;
  open(threads: number): Engine;
}

/** Adds the best number of threads on this machine to a probe. The first call takes about a second. */
export async function measureThreads(probe: EngineProbe, options: MeasureOptions): Promise<EngineProbe> {
  if (!probe.available || probe.threads === undefined) return probe;
  const { cacheFolder, fixed, open } = options;
  if (fixed !== undefined) return { ...probe, threads: fixed };
  const engine = `${probe.name} ${probe.version}`;
  const time = async (threads: number) => {
    const opened = open(threads);
    try {
      return await timeStep(opened);
    } finally {
      await opened.dispose();
    }
  };
  const { threads: parallelism } = probe;
  const threads = await turns.add(() => chooseThreads({ engine, cacheFolder, parallelism, time }));
  return { ...probe, threads };
}

/** Milliseconds of the fastest of six steps of a small perceptron, forward and backward: 3.2 GFLOP. */
async function timeStep(engine: Engine): Promise<number> {
  const shapes = { x: [1024, 256], up: [256, 1024], down: [1024, 256] } as const;
  const graph = trace(builder => {
    const input = (name: keyof typeof shapes) => builder.input(name, { shape: shapes[name], dtype: 'f32' });
    const [x, up, down] = [input('x'), input('up'), input('down')];
    const loss = sumAll(square(linear(gelu(linear(x, up)), down)));
    const [dx, dUp, dDown] = grad(loss, [x, up, down]);
    return { outputs: { loss, dx: dx ?? loss, dUp: dUp ?? loss, dDown: dDown ?? loss } };
  });
  const feeds = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, emptyTensor({ shape, dtype: 'f32' })]),
  );
  const state = engine.createState({});
  const executable = await engine.compile(graph);
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 6; run++) {
    const start = performance.now();
    await executable.run(state, feeds);
    best = Math.min(best, performance.now() - start);
  }
  await executable.dispose();
  state.dispose();
  return best;
}

/** The recorded number of threads, or a new measurement. Without a writable folder, every call measures. */
export async function chooseThreads(choice: ThreadChoice): Promise<number> {
  const { parallelism, cpu = identifyCpu() } = choice;
  const counts = candidates(parallelism);
  if (counts.length === 1) return parallelism;
  const name = `${choice.engine} ${cpu} ${parallelism}`.replace(/[^\w.-]+/g, '-');
  const path = join(choice.cacheFolder, 'threads', `${name}.json`);
  const known = readRecord(path);
  if (known !== undefined) return known;
  const measured: Record<string, number> = {};
  let best = parallelism;
  for (const threads of counts) {
    measured[threads] = await choice.time(threads);
    if (measured[threads] < (measured[best] ?? Number.POSITIVE_INFINITY) * MARGIN) best = threads;
  }
  await writeRecord(path, { v: 1, threads: best, measured });
  return best;
}

function readRecord(path: string): number | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).threads;
  } catch {
    return undefined;
  }
}

async function writeRecord(path: string, record: z.output<typeof recordSchema>): Promise<void> {
  try {
    await makeFolders(dirname(path));
    await writeFile(`${path}.tmp`, `${JSON.stringify(record)}\n`);
    await rename(`${path}.tmp`, path);
  } catch {
    // Without the record, the next start measures again, which takes a second.
  }
}
