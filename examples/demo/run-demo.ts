/** @file The demo's steps, against a running server. */
import { join, resolve } from 'node:path';
import { formatDuration } from '../../cli/eta.ts';
import { quoteWord } from '../../cli/shell.ts';
import { formatCount } from '../../configs/quantity.ts';
import { chunkRunAnswer, type ExperimentAnswer, healthAnswer } from './answers.ts';
import { drawGrid, rowsPath } from './draw-grid.ts';
import { installText } from './install-text.ts';
import { describeSampling, measurePrompts, samplingOf } from './measure-prompts.ts';
import type { DemoPlan } from './options.ts';
import { prepareSet } from './prepare-set.ts';
import { showPath, type Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';
import { trainModel } from './train-model.ts';
import { formatAccuracy, readSummary, summarizeAccuracy, summarizeFree, writeSummary } from './write-summary.ts';

export interface Demo {
  readonly api: ToldApi;
  readonly terminal: Terminal;
  readonly plan: DemoPlan;
  /** Seconds since the demo began, interrupted starts included. */
  elapsed(): number;
  /** Resolves when the gpu-runner has the engines that it will have. */
  engineReady(): Promise<void>;
  /** Stops downloads. */
  readonly signal: AbortSignal;
}

export async function runDemo({ api, terminal, plan, elapsed, engineReady, signal }: Demo): Promise<void> {
  const { store } = await api.untold.get('/health', healthAnswer);

  const { set } = plan;
  terminal.heading(`1. Prepare: draw the ${set.noun}, split them, encode captions and pictures`);
  // Encoders that need no engine do not wait for one.
  if (plan.text !== undefined) {
    await installText(api.untold, terminal, plan.text, signal);
    await engineReady();
  }
  const prepared = await prepareSet(api, terminal, plan);

  terminal.heading(`2. Train: ${formatCount(plan.samples)} samples, ${plan.size} px`);
  await engineReady();
  const { experiment, cached: trained } = await trainModel(api, terminal, plan, path => locate(store, api, path));

  const sampling = await samplingOf(set);
  const twice = plan.asksFreely ? ', and as many in free wording' : '';
  terminal.heading(`3. Measure: ${plan.prompts} fresh prompts${twice}, ${describeSampling(sampling)}`);
  const accuracy = await measurePrompts(api, terminal, plan, experiment, sampling);

  terminal.heading('4. Draw the grid');
  const grid = await drawGrid(api, plan, accuracy.samples);
  const speed = await measureSpeed(api, experiment);

  const before = await readSummary(plan.out);
  const summary = await writeSummary(plan.out, {
    grid: resolve(grid.path),
    set: set.name,
    // Looking at the same checkpoint once more does not change what it took.
    seconds: round(before?.checkpoint === experiment.checkpoint ? before.seconds : elapsed(), 1),
    steps: experiment.step,
    samples: experiment.samples,
    samples_per_second: round(speed, 1),
    checkpoint: experiment.checkpoint,
    accuracy: summarizeAccuracy(accuracy),
    ...summarizeFree(accuracy),
    seams: round(accuracy.seams, 3),
  });

  terminal.heading('Result');
  terminal.line(formatAccuracy(accuracy));
  terminal.line();
  const cached = prepared && trained && accuracy.cached && grid.cached;
  const took = formatDuration(elapsed());
  terminal.line(
    cached
      ? `Everything was cached: nothing was computed again (${took}).`
      : `${formatCount(experiment.samples)} samples at ${speed.toFixed(0)} per second; the demo took ${took}.`,
  );
  if (experiment.samples < set.samplesToShow)
    terminal.line(`This run was short: ${set.noun} take about ${formatCount(set.samplesToShow)} samples.`);
  terminal.line();
  terminal.line(`grid      ${grid.path}  (${rowsPath(plan)} has all previews)`);
  terminal.line(`summary   ${summary}`);
  terminal.line(`curl      ${await api.writeScript()}  (every call above as a script)`);
  terminal.line(`browse    ${locate(store, api, `experiments/${plan.experiment}`)}`);
  terminal.line();
  tellWhatNext(terminal, plan, experiment);
}

/** A path of the store as a person finds it: a folder, or where S3 clients look. */
function locate(store: string, api: ToldApi, path: string): string {
  if (store.startsWith('file:')) return `${showPath(join(store.slice('file:'.length), path))}/`;
  const [, bucket] = /^s3:\/\/([^?]+)/.exec(store) ?? [];
  if (bucket !== undefined) return `s3://${bucket}/${path}/`;
  return `${path}/ in ${store} (see ${api.untold.url})`;
}

/** Weighs the chunks that are kept: the last chunk alone may be short. */
async function measureSpeed({ untold }: ToldApi, { checkpoints }: ExperimentAnswer): Promise<number> {
  let weight = 0;
  let sum = 0;
  for (const [i, { step, result }] of checkpoints.entries()) {
    const { stats } = (await untold.get(`/runs/${result}`, chunkRunAnswer)).result;
    const steps = step - (checkpoints[i - 1]?.step ?? 0);
    if (i === 0 && checkpoints.length > 1) continue;
    weight += steps / stats.samples_per_second;
    sum += steps;
  }
  return sum / weight;
}

function tellWhatNext(
  terminal: Terminal,
  { set, store, minio, experiment: name, samples }: DemoPlan,
  experiment: ExperimentAnswer,
): void {
  const json = "-H 'content-type: application/json'";
  const target = experiment.samples + samples;
  // As `easel up` reads it.
  const url = `http://127.0.0.1:${process.env.EASEL_PORT || 8787}`;
  terminal.line('Go on from here. Start the server, in another terminal:');
  for (const line of listStartLines(store, minio)) terminal.faint(`$ ${line}`);
  terminal.line('A picture for your own words:');
  terminal.faint(
    `$ curl -fsS -X POST ${json} -o picture.png ${url}/sample \\\n` +
      `  -d ${quoteWord(JSON.stringify({ model: name, prompt: set.example, seed: 7 }))}`,
  );
  terminal.line(`Train on, to ${formatCount(target)} samples:`);
  terminal.faint(
    `$ curl -fsS -X POST ${json} -H 'prefer: wait=3600' ${url}/experiments/${name}/train \\\n` +
      `  -d ${quoteWord(JSON.stringify({ target }))}`,
  );
}

/** Of the shell. MinIO takes a terminal of its own. */
function listStartLines(store: string | undefined, minio: string | undefined): string[] {
  if (minio === undefined) return [`npm run easel -- up${store === undefined ? '' : ` --store ${quoteWord(store)}`}`];
  const folder = `--folder ${quoteWord(minio)}`;
  return [
    `npm run easel -- store up minio ${folder}     # stays in its terminal; the rest in another`,
    `eval "$(npm run --silent easel -- store env ${folder})"`,
    'npm run easel -- up',
  ];
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
