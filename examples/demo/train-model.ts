/** @file An experiment, trained to its target while its previews are told as they come. */
import type { ProgressEvent } from '../../configs/progress.ts';
import { formatCount, quantity } from '../../configs/quantity.ts';
import { type ExperimentAnswer, experimentAnswer } from './answers.ts';
import { BATCH, type DemoPlan } from './options.ts';
import type { Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';
import { watchPreviews } from './watch-previews.ts';

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
  const kept = created.step > 0 && plan.engine === undefined ? ', as this experiment began' : '';
  terminal.line(`engine ${name} in ${precision}, ${quantity(threads, 'thread')}${kept}`);
  const previews = watchPreviews(api, terminal, plan, created, describeFolder);
  await previews.begin();
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
function configOf({ set, samples, warmupSamples, chunkSteps, patch, isVaried }: DemoPlan) {
  return {
    preset: set.preset,
    model: { patch_size: patch },
    optimizer: { total_samples: samples, warmup_samples: warmupSamples },
    ...(isVaried && { data: { caption_variants: 'all' } }),
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
