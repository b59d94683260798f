/**
 * @file Peak memory of server and gpu-runner while photographs of 2 megapixels are imported and bucketed at 256 pixels,
 * and some of them at 1,024: of many beside few. Draws the photographs first; an interrupted run goes on where it
 * stopped. Takes 0.2 MB per photograph for the file, and 0.4 MB for the store, which it deletes.
 *
 * `node bench/photographs.ts --folder DIR [--pictures 2000,20000] [--size 256] [--large 500] [--large-size 1024]
 * [--divisor 1] [--port 0] [--json]` (`--divisor 16` divides the sides, for a quick look at what the number takes)
 */
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type PhotographRun, runPhotographs } from './data/photograph-run.ts';

const { values: options } = parseArgs({
  options: {
    folder: { type: 'string' },
    pictures: { type: 'string', default: '2000,20000' },
    size: { type: 'string', default: '256' },
    large: { type: 'string', default: '500' },
    'large-size': { type: 'string', default: '1024' },
    divisor: { type: 'string', default: '1' },
    port: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
});
if (options.folder === undefined) throw new Error('--folder DIR is missing: expected a folder for the photographs');
const folder = resolve(options.folder);
const large = { pictures: Number(options.large), size: Number(options['large-size']) };

let fewest: number | undefined;
for (const pictures of options.pictures.split(',').map(Number)) {
  const store = join(folder, `store-${pictures}`);
  const sets = [{ pictures, size: Number(options.size) }, ...(large.pictures > 0 ? [large] : [])];
  const run = await runPhotographs(store, sets, {
    folder,
    divisor: Number(options.divisor),
    port: Number(options.port),
    log: line => console.error(`${new Date().toISOString()} ${line}`),
  });
  const together = run.server.peakBytes + run.runner.peakBytes;
  fewest ??= together;
  report(pictures, run, together / fewest);
  await rm(store, { recursive: true, force: true });
}

function report(pictures: number, { stages, server, runner }: PhotographRun, growth: number): void {
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  const row = {
    bench: 'photographs',
    pictures,
    ...Object.fromEntries(stages.map(({ name, size, processorMs }) => [`${name}_${size}_ms`, processorMs])),
    server_peak_mib: mib(server.peakBytes),
    runner_peak_mib: mib(runner.peakBytes),
    /** The peaks of both, which need not be at the same time. */
    together_mib: mib(server.peakBytes + runner.peakBytes),
    /** As a share of the memory for the fewest photographs. */
    growth: Number(growth.toFixed(3)),
    server_processor_s: Math.round(server.processorMs / 1000),
  };
  const said =
    `${pictures} photographs: server ${row.server_peak_mib} MiB, gpu-runner ${row.runner_peak_mib} MiB at most ` +
    `(${row.growth} times the first row); ${row.server_processor_s} s of processor time`;
  console.log(options.json ? JSON.stringify(row) : said);
}
