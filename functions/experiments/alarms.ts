/**
 * @file Alarms of a training that goes on: steps whose loss leaps, and a gap between the losses on held-out and on
 * trained pictures that opens. They end nothing (see training-health.ts for what does); a person decides.
 */
import { quantity } from '../../configs/quantity.ts';
import type { Chunk, ChunksSummary } from '../../storage/chunk-record.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readValidation } from './border/flow-loss-step.ts';
import { gapOf, type RunOfChunks, summarizeRun } from './chunks-summary.ts';
import { medianOf } from './median-of.ts';
import type { LoggedStep } from './step-log.ts';

/** Steps before a step that its loss is compared with, and the fewest that are enough. */
const WINDOW = 32;
const LEAST = 10;
/** A spike is above this many times the median of these steps, ... */
const TIMES = 2;
/** ... and above it by this many times the median distance of their losses from it: losses of small batches vary. */
const DEVIATIONS = 10;
/** The gap, as a share of the loss on trained pictures, may open by so much. */
const MOST_OPENED = 0.2;

export interface Spike {
  readonly step: number;
  /** The loss divided by the median of the steps before. */
  readonly times: number;
}

/** Steps whose loss leaps above those before. @param rows The log of a chunk; its first 10 steps are not judged. */
export function findSpikes(rows: readonly LoggedStep[]): Spike[] {
  const spikes: Spike[] = [];
  const before: number[] = [];
  for (const { step, loss } of rows) {
    if (typeof loss !== 'number') continue;
    const window = before.slice(-WINDOW);
    const usual = medianOf(window);
    const spread = medianOf(window.map(each => Math.abs(each - usual)));
    if (window.length >= LEAST && usual > 0 && loss > TIMES * usual && loss - usual > DEVIATIONS * spread) {
      spikes.push({ step, times: loss / usual });
    }
    before.push(loss);
  }
  return spikes;
}

/** What a chunk keeps of its spikes; nothing of a chunk without one. */
export function summarizeSpikes(rows: readonly LoggedStep[]): Pick<Chunk, 'spikes'> {
  const spikes = findSpikes(rows);
  const worst = spikes.toSorted((a, b) => b.times - a.times)[0];
  if (worst === undefined) return {};
  return { spikes: { count: spikes.length, step: worst.step, times: Number(worst.times.toPrecision(3)) } };
}

/** The losses that the border measured on held-out and on trained pictures; nothing if one was not finite. */
export async function summarizeFlowLoss(
  blobs: BlobStore,
  { validation }: Chunk['artifacts'],
): Promise<Pick<Chunk, 'flow_loss'>> {
  if (validation === undefined) return {};
  const { held_out, train } = await readValidation(blobs, validation);
  if (typeof held_out?.loss !== 'number' || typeof train?.loss !== 'number') return {};
  return { flow_loss: { held_out: held_out.loss, train: train.loss } };
}

/** Notes of the alarms of a head; none of a good training. */
export function noteAlarms(head: RunOfChunks): Note[] {
  const { spikes, flow_loss } = summarizeRun(head) ?? {};
  // Of the dataset before, until the first measurement on the new one.
  const isFormer = flow_loss && flow_loss.last.to <= (head.former_datasets?.at(-1)?.until ?? 0);
  return [...(spikes ? [noteSpikes(spikes)] : []), ...(flow_loss && !isFormer ? noteGap(flow_loss) : [])];
}

function noteSpikes({ count, step, times }: NonNullable<ChunksSummary['spikes']>): Note {
  const text =
    `the loss leapt in ${quantity(count, 'step')}: in step ${step} to ${times} times the loss of the steps ` +
    'before; if it leaps again, lower optimizer.learning_rate or optimizer.clip_norm';
  return { code: 'loss_spikes', count, text, examples: [] };
}

function noteGap({ last, narrowest, smallest }: NonNullable<ChunksSummary['flow_loss']>): Note[] {
  const [now, then] = [gapOf(last), gapOf(narrowest)];
  if (now - then <= MOST_OPENED || now <= 0) return [];
  const risen = smallest.to === last.to ? '' : `; the loss on held-out pictures was smallest at step ${smallest.to}`;
  const text =
    `the model begins to learn its pictures by heart: its loss on held-out pictures is ${tell(now)} that on ` +
    `trained ones at step ${last.to}, and was ${tell(then)} it at step ${narrowest.to}${risen}`;
  return [{ code: 'overfitting', count: 1, text, examples: [] }];
}

const tell = (gap: number) => `${Math.round(100 * Math.abs(gap))} % ${gap < 0 ? 'below' : 'above'}`;
