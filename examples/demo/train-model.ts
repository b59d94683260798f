/** @file An experiment, trained to its target while its previews are told as they come. */
import type { ProgressEvent } from '../../configs/progress.ts';
import { type ExperimentAnswer, experimentAnswer, previewsAnswer } from './answers.ts';
import { BATCH, type DemoPlan } from './options.ts';
import { formatCount, type Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';

/** Phases that are told; saving and drawing are short. */
const TOLD_PHASES = new Set(['load', 'queued']);

export interface Trained {
  readonly experiment: ExperimentAnswer & { readonly checkpoint: string };
  /** Nothing was left to train. */
  readonly cached: boolean;
}

export async function trainModel(
  api: ToldApi,
  terminal: Terminal,
  plan: DemoPlan,
  describeFolder: (path: string) => string,
): Promise<Trained> {
  const path = `/experiments/${plan.experiment}`;
  const asked = { config: configOf(plan), dataset: plan.dataset, ...(plan.engine && { engine: plan.engine }) };
  const created = await api.put(path, asked, experimentAnswer);
  const { name, precision, threads } = created.engine;
  terminal.line(`engine ${name} in ${precision}, ${threads} threads`);
  const previews = watchPreviews(api, terminal, plan, created, describeFolder);
  let experiment = created;
  let cached = true;
  let metrics: ProgressEvent['metrics'];
  // First a moment only: the first row of the grid shows where it starts. The bits are those of a run without the stop.
  for (const target of [plan.startSamples, plan.samples]) {
    if (experiment.samples >= target) continue;
    if (cached && experiment.samples > 0) terminal.line(`going on from ${formatCount(experiment.samples)} samples`);
    cached = false;
    // The body of the call that a server makes by itself when it finds a run unfinished, so that this one joins it.
    const body = experiment.target === target ? {} : { target };
    await api.run(`${path}/train`, body, event => {
      metrics = event.metrics ?? metrics;
      tellTraining(terminal, { ...event, ...(metrics && { metrics }) }, target);
      if (event.phase === 'train' && event.unit === 'steps') previews.look(event.done ?? 0);
    });
    await previews.finish();
    terminal.endProgress();
    experiment = await api.untold.get(path, experimentAnswer);
  }
  if (cached) terminal.line(`trained already: ${formatCount(experiment.samples)} samples`);
  const { checkpoint } = experiment;
  if (checkpoint === undefined) throw new Error(`the experiment ${plan.experiment} ended without a checkpoint`);
  return { experiment: { ...experiment, checkpoint }, cached };
}

/** The preset, and what the command line asked for. */
function configOf({ samples, warmupSamples, chunkSteps, patch }: DemoPlan) {
  return {
    preset: 'portraits',
    model: { patch_size: patch },
    optimizer: { total_samples: samples, warmup_samples: warmupSamples },
    run: { chunk_steps: chunkSteps },
  };
}

function tellTraining(terminal: Terminal, event: ProgressEvent, target: number): void {
  if (TOLD_PHASES.has(event.phase)) terminal.progress(event);
  if (event.phase !== 'train' || event.unit !== 'steps') {
    if (event.message !== undefined) terminal.line(`${event.phase}: ${event.message}`);
    return;
  }
  const { loss, samples_per_second } = event.metrics ?? {};
  terminal.progress({
    phase: 'train',
    done: Math.min((event.done ?? 0) * BATCH, target),
    total: target,
    unit: 'samples',
    metrics: {
      ...(loss === undefined ? {} : { loss }),
      ...(samples_per_second === undefined ? {} : { samples_per_second }),
    },
  });
}

interface PreviewWatch {
  /** The run has reached this step: when there was a border, its previews are there or about to be. */
  look(step: number): void;
  /** Waits for the last look, and takes another. */
  finish(): Promise<void>;
}

function watchPreviews(
  api: ToldApi,
  terminal: Terminal,
  { experiment, chunkSteps }: DemoPlan,
  { step }: ExperimentAnswer,
  describeFolder: (path: string) => string,
): PreviewWatch {
  const path = `/experiments/${experiment}/previews`;
  let seen = step;
  let border = step;
  let told = false;
  let looking = Promise.resolve();

  async function look(): Promise<void> {
    const query = `${path}?after=${seen}`;
    const get = told ? api.untold.get : api.get;
    told = true;
    const { previews } = await get(query, previewsAnswer, 'and again at every preview');
    for (const preview of previews) {
      seen = Math.max(seen, preview.step);
      const folder = describeFolder(`experiments/${experiment}/previews/step${String(preview.step).padStart(7, '0')}`);
      terminal.line(`preview at ${formatCount(preview.step * BATCH)} samples: ${folder}`);
    }
  }

  /** One at a time; what one misses the next one finds. */
  function enqueue(): void {
    looking = looking.then(look).catch(() => {});
  }

  return {
    look(step) {
      // A step beyond a border: the chunk before it is done, previews and all.
      const passed = Math.floor((step - 1) / chunkSteps) * chunkSteps;
      if (passed <= border) return;
      border = passed;
      enqueue();
    },
    async finish() {
      await looking;
      await look();
    },
  };
}
