/** @file Memory and waits of a training on many pictures, compared with a training on few. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataRun } from './child.ts';
import { writeDatasets } from './data-set.ts';

const CHILD = fileURLToPath(new URL('./child.ts', import.meta.url));

export interface TrainingOptions {
  /** Where a folder for the data is made, and deleted. */
  readonly folder: string;
  /** Pictures of each training, fewest first. */
  readonly counts: readonly number[];
  readonly budgetMiB: string;
  readonly steps: string;
  readonly engine: string;
  readonly threads: number;
}

export type TrainingRow = ReturnType<typeof makeRow>;

export async function measureTraining(options: TrainingOptions, report: (row: TrainingRow) => void): Promise<void> {
  const folder = await mkdtemp(join(options.folder, 'easel-data-'));
  const engine = JSON.stringify({ name: options.engine, precision: 'f32', threads: options.threads });
  try {
    const store = `file:${folder}`;
    const datasets = await writeDatasets(store, options.counts);
    let least: number | undefined;
    for (const [i, pictures] of options.counts.entries()) {
      const args = [CHILD, store, datasets[i] ?? '', options.budgetMiB, engine, options.steps];
      const run: DataRun = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
      const rssMiB = run.peakRssBytes / 2 ** 20;
      least ??= rssMiB;
      report(makeRow(pictures, options.engine, run, rssMiB, least));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function makeRow(pictures: number, engine: string, { openMs, steps }: DataRun, rssMiB: number, leastMiB: number) {
  const total = steps.reduce((sum, { ms }) => sum + ms, 0);
  const waited = steps.reduce((sum, { waitedMs }) => sum + waitedMs, 0);
  return {
    bench: 'data',
    net: `128 x 4, 256 tokens, batch 8, ${pictures} pictures`,
    engine,
    precision: 'f32',
    ms: Number((total / steps.length).toFixed(1)),
    /** Share of the time of the steps that is waiting for data. */
    stall: Number((waited / total).toFixed(4)),
    longest_wait_ms: Number(Math.max(...steps.map(({ waitedMs }) => waitedMs)).toFixed(1)),
    open_ms: Math.round(openMs),
    rss_mib: Math.round(rssMiB),
    /** More than the training on the fewest pictures takes. */
    more_mib: Math.round(rssMiB - leastMiB),
  };
}
