/**
 * @file Reads training data from a store: memory and waits of a training on many pictures, compared with a training on
 * few, with an equal budget for pages. Writes 0.2 MB per picture of 256 x 256 pixels into a temporary folder, which it
 * deletes.
 * `node bench/data.ts [--pictures 1000,20000] [--budget MIB] [--steps N] [--engine onnxruntime/cpu] [--threads N]
 * [--folder DIR] [--json]`
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { DataRun } from './data/child.ts';
import { writeDatasets } from './data/data-set.ts';

const { values: options } = parseArgs({
  options: {
    pictures: { type: 'string', default: '1000,20000' },
    budget: { type: 'string', default: '1024' },
    steps: { type: 'string', default: '60' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    threads: { type: 'string', default: String(availableParallelism()) },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});
const CHILD = fileURLToPath(new URL('./data/child.ts', import.meta.url));
const counts = options.pictures.split(',').map(Number);
const engine = JSON.stringify({ name: options.engine, precision: 'f32', threads: Number(options.threads) });

const folder = await mkdtemp(join(options.folder, 'easel-data-'));
try {
  const store = `file:${folder}`;
  const datasets = await writeDatasets(store, counts);
  let least: number | undefined;
  for (const [i, pictures] of counts.entries()) {
    const args = [CHILD, store, datasets[i] ?? '', options.budget, engine, options.steps];
    const run: DataRun = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
    const rssMiB = run.peakRssBytes / 2 ** 20;
    least ??= rssMiB;
    report(pictures, run, rssMiB, least);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function report(pictures: number, { openMs, steps }: DataRun, rssMiB: number, leastMiB: number): void {
  const total = steps.reduce((sum, { ms }) => sum + ms, 0);
  const waited = steps.reduce((sum, { waitedMs }) => sum + waitedMs, 0);
  const row = {
    bench: 'data',
    net: `128 x 4, 256 tokens, batch 8, ${pictures} pictures`,
    engine: options.engine,
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
  const said =
    `${pictures} pictures: a step takes ${row.ms} ms, ${(row.stall * 100).toFixed(2)} % of it waiting for data ` +
    `(${row.longest_wait_ms} ms at most); opened in ${row.open_ms} ms; peak RSS ${row.rss_mib} MiB (+${row.more_mib})`;
  console.log(options.json ? JSON.stringify(row) : said);
}
