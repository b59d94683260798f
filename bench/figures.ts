/**
 * @file Trains the preset `figures` with the pose as the condition, and measures from pixels whether the pictures have
 * the poses that they were asked for.
 *
 * Twenty minutes on two cores are 40 minutes of processor time: this time is counted, since other work on a machine
 * would make minutes of a clock unfair. The number of updates is fixed before, as the schedule of the learning rate
 * needs it. Compiling, drawing the set and sampling are not counted.
 *
 * Measured for figures that are in no set: PCK@.1 of the diagonal of the box of the joints
 * (data/figures/pose-score.ts). The ceiling is the same measure on the real drawings of these figures. The floor is
 * that of the same pictures with the poses of others.
 *
 * The training goes on where it was killed; a finished one is only measured again.
 *
 * `node bench/figures.ts [--updates 640] [--pictures 6000] [--prompts 256] [--engine openvino/cpu] [--precision bf16]
 * [--threads 2] [--every 25] [--out out/figures] [--json]`
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadPreset, overrideConfig } from '../configs/presets.ts';
import { keyedConfig } from '../configs/schema.ts';
import { wilson } from '../data/portraits/statistics.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import { engineSpecSchema } from '../storage/records.ts';
import { openFigures, SIDE } from './figures/figure-source.ts';
import { type Kept, trainKept } from './figures/kept-training.ts';
import { drawReal, measureFigures, sampleFigures } from './figures/sample-figures.ts';

const { values: options } = parseArgs({
  options: {
    updates: { type: 'string', default: '640' },
    pictures: { type: 'string', default: '6000' },
    prompts: { type: 'string', default: '256' },
    engine: { type: 'string', default: 'openvino/cpu' },
    precision: { type: 'string', default: 'bf16' },
    threads: { type: 'string', default: '2' },
    every: { type: 'string', default: '25' },
    out: { type: 'string', default: 'out/figures' },
    json: { type: 'boolean', default: false },
  },
});
const updates = Number(options.updates);
const { out } = options;
await mkdir(out, { recursive: true });
const engine = await openEngine(
  engineSpecSchema.parse({ name: options.engine, precision: options.precision, threads: Number(options.threads) }),
);
const preset = await loadPreset('figures');
const config = keyedConfig(
  overrideConfig(preset, {
    model: { tokens_per_side: SIDE / preset.model.patch_size },
    optimizer: { total_samples: updates * preset.data.batch_size },
    data: { image_size: { width: SIDE, height: SIDE } },
  }),
);
say(`drawing ${options.pictures} figures`);
const source = await openFigures(Number(options.pictures));
say(`training ${updates} updates of ${config.data.batch_size}`);
const { kept, weights } = await trainKept({
  engine,
  config,
  source,
  folder: out,
  until: updates,
  every: Number(options.every),
  onKept,
});
const prompts = Number(options.prompts);
const samples = await sampleFigures(engine, config, weights, prompts, join(out, 'samples.png'));
const [shown, real] = [measureFigures(samples), measureFigures(await drawReal(prompts))];
const joints = prompts * 12;
const row = {
  bench: 'figures',
  engine: options.engine,
  precision: options.precision,
  updates,
  samples: kept.progress.samples,
  cpu_minutes: round(kept.cpuSeconds / 60),
  prompts,
  pck: round(shown.pck),
  pck_low: round(wilson(Math.round(shown.pck * joints), joints).low),
  ceiling: round(real.pck),
  floor: round(shown.shuffled),
  of_ceiling: round(shown.pck / real.pck),
  background: round(shown.background),
  clothes: round(shown.clothes),
  real_background: round(real.background),
  real_clothes: round(real.clothes),
};
await writeFile(join(out, 'result.json'), `${JSON.stringify(row, undefined, 2)}\n`);
if (options.json) console.log(JSON.stringify(row));
else for (const [name, value] of Object.entries(row)) console.log(`${name.padEnd(16)} ${value}`);
process.exit(0);

function onKept({ progress: { step, samples: seen }, cpuSeconds, loss = 0 }: Kept): void {
  const left = ((updates - step) * cpuSeconds) / step / 60;
  say(
    `${step} of ${updates} updates, ${seen} samples, loss ${loss.toFixed(4)}, ${(cpuSeconds / 60).toFixed(1)} minutes ` +
      `of processor time, ${left.toFixed(1)} to go`,
  );
}

function round(value: number): number {
  return Number(value.toFixed(4));
}

function say(line: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
}
