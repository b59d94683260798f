/**
 * @file Speed and memory of data. `import`: photographs through import, inspect and bucket, beside Pillow
 * (`--peer pillow`; EASEL_PEER_PYTHON names a Python with pillow and numpy). `columns`: bytes of tensors that are read
 * into batches, on one core. `training`: memory and waits of a training on many pictures, compared with a training on
 * few, with an equal budget for pages; it writes 0.2 MB per picture. Temporary folders are deleted.
 *
 * `node bench/data.ts [--only import,columns,training] [--photographs 300] [--peer pillow] [--rounds 5]
 * [--pictures 1000,20000] [--budget MIB] [--steps N] [--engine onnxruntime/cpu] [--threads N] [--folder DIR] [--port 0]
 * [--json]`
 */
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureColumns } from './data/measure-columns.ts';
import { measureImport } from './data/measure-import.ts';
import { measureTraining } from './data/measure-training.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'import,columns,training' },
    photographs: { type: 'string', default: '300' },
    peer: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    pictures: { type: 'string', default: '1000,20000' },
    budget: { type: 'string', default: '1024' },
    steps: { type: 'string', default: '60' },
    engine: { type: 'string', default: 'onnxruntime/cpu' },
    threads: { type: 'string', default: String(availableParallelism()) },
    folder: { type: 'string', default: tmpdir() },
    /** Of the server that imports. */
    port: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
const { folder } = options;

function report<Row extends object>(row: Row, say: (row: Row) => string): void {
  console.log(options.json ? JSON.stringify(row) : say(row));
}

const measures: Readonly<Record<string, () => Promise<void>>> = {
  import: () =>
    measureImport(
      {
        folder: join(folder, 'easel-photographs'),
        pictures: Number(options.photographs),
        port: Number(options.port),
        hasPeer: options.peer === 'pillow',
      },
      row =>
        report(row, ({ net, stages, processor_ms_per_picture: ms, pictures_per_second: speed, ...peer }) => {
          const told =
            peer.ratio === undefined
              ? ''
              : `; Pillow ${peer.peer_processor_ms_per_picture} ms: ${peer.ratio} x as fast on one core, ` +
                `${peer.ratio_on_all_cores} x on all, ${peer.ratio_by_clock} x by the clock`;
          return `${net}: ${ms} ms of the processor (${stages}), ${speed} pictures/s${told}`;
        }),
    ),
  columns: () =>
    measureColumns(folder, Number(options.rounds), row =>
      report(
        row,
        ({ net, from, ms_per_picture: ms, kb_per_picture: kb, gb_per_processor_s: speed }) =>
          `${net}, from the ${from}: ${speed} GB/s of the processor (${kb} kB and ${ms} ms per picture)`,
      ),
    ),
  training: () =>
    measureTraining(
      {
        folder,
        counts: options.pictures.split(',').map(Number),
        budgetMiB: options.budget,
        steps: options.steps,
        engine: options.engine,
        threads: Number(options.threads),
      },
      row =>
        report(
          row,
          ({ net, ms, stall, longest_wait_ms: wait, open_ms: open, rss_mib: rss, more_mib: more }) =>
            `${net}: a step takes ${ms} ms, ${(stall * 100).toFixed(2)} % of it waiting for data ` +
            `(${wait} ms at most); opened in ${open} ms; peak RSS ${rss} MiB (+${more})`,
        ),
    ),
};
for (const name of options.only.split(',')) {
  const measure = measures[name];
  if (measure === undefined) throw new Error(`--only ${name}: expected some of ${Object.keys(measures).join(', ')}`);
  await measure();
}
