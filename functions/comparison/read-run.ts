/** @file What a run shows over its steps: losses, and what it had cost by then in samples, seconds and operations. */
import { scaleAt, scaledSize } from '../../configs/resolution.ts';
import { type Config, configSchema } from '../../configs/schema.ts';
import { trainingFlops } from '../../configs/training-flops.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readValidation } from '../experiments/border/flow-loss-step.ts';
import { frameOf } from '../experiments/fit.ts';
import { flowLossOf, readLog } from '../experiments/step-log.ts';
import { secondsPerStep } from './chunk-costs.ts';
import type { ComparedChunk, ComparedRun } from './compared-runs.ts';
import { readEvidence } from './evidence.ts';
import type { Scored } from './scored.ts';

/** What had been spent after a step. Absent: not known. */
export interface Cost {
  readonly samples: number;
  /** Of training on its machine, without previews and validation. */
  readonly seconds?: number | undefined;
  /** Operations of forward and backward passes, by formula. */
  readonly flops?: number | undefined;
}
export const COSTS = ['samples', 'seconds', 'flops'] as const;
export type CostName = (typeof COSTS)[number];

export interface StepPoint extends Cost {
  readonly step: number;
  /** Of flow matching alone, where the log tells it; null: not finite. */
  readonly loss: number | null;
}

/** The end of a chunk. */
export interface Border extends Cost {
  readonly step: number;
  readonly chunk: ComparedChunk;
  readonly heldOutLoss?: number | undefined;
  /** Number of pictures behind it. */
  readonly heldOutPictures?: number | undefined;
  /** On as many trained pictures. */
  readonly trainLoss?: number | undefined;
  readonly evidence: readonly Scored[];
}

export interface RunRecord extends ComparedRun {
  readonly arm: string;
  readonly settings: Config;
  readonly points: readonly StepPoint[];
  readonly borders: readonly Border[];
}

/** @throws BlobMissing, Corrupt */
export async function readRun(blobs: BlobStore, arm: string, run: ComparedRun): Promise<RunRecord> {
  const settings = await readDocument(blobs, run.config, configSchema, 'a config');
  const points: StepPoint[] = [];
  const borders: Border[] = [];
  let spent: Cost = { samples: (run.chunks[0]?.from ?? 0) * settings.data.batch_size, seconds: 0, flops: 0 };
  for (const chunk of run.chunks) {
    const rows = new Map((await readLog(blobs, chunk.log)).map(row => [row.step, row]));
    const flops = flopsOfSteps(settings, chunk);
    const seconds = secondsPerStep(chunk);
    for (let step = chunk.from + 1; step <= chunk.to; step++) {
      spent = {
        samples: step * settings.data.batch_size,
        seconds: add(spent.seconds, seconds),
        flops: add(spent.flops, flops?.(step)),
      };
      const row = rows.get(step);
      if (row) points.push({ step, ...spent, loss: flowLossOf(row) });
    }
    const { validation } = chunk.artifacts;
    const measured = validation === undefined ? undefined : await readValidation(blobs, validation);
    borders.push({
      step: chunk.to,
      ...spent,
      chunk,
      heldOutLoss: measured?.held_out?.loss ?? undefined,
      heldOutPictures: measured?.held_out?.pictures,
      trainLoss: measured?.train?.loss ?? undefined,
      evidence: await readEvidence(blobs, chunk.artifacts),
    });
  }
  return { ...run, arm, settings, points, borders };
}

const add = (sum: number | undefined, more: number | undefined) =>
  sum === undefined || more === undefined ? undefined : sum + more;

/** Operations of each step of a chunk; undefined if the size of the pictures is not known. */
function flopsOfSteps(config: Config, { from, to }: ComparedChunk): ((step: number) => number) | undefined {
  const frame = frameOf(config);
  if (frame.width === 0 || frame.height === 0) return undefined;
  const { batch_size } = config.data;
  const of = (step: number) => {
    const samples = (step - 1) * batch_size;
    const size = scaledSize(frame, scaleAt(samples, config.data), config.model);
    return batch_size * trainingFlops(config, size, samples);
  };
  const [first, last] = [of(from + 1), of(to)];
  // The route of tokens, the losses and the size change at most once or twice in a run.
  return first === last ? () => first : of;
}

/**
 * How much more than the budget a run may have spent. Seconds are measured: runs that were planned for equal time end
 * a few percent apart, and are compared at their ends all the same.
 */
const SLACK: Readonly<Record<CostName, number>> = { samples: 1e-9, seconds: 0.1, flops: 1e-9 };

/** The last border at which no more than `budget` was spent, but for the slack. */
export function borderWithin(run: RunRecord, cost: CostName, budget: number): Border | undefined {
  return run.borders.findLast(border => (border[cost] ?? Number.POSITIVE_INFINITY) <= budget * (1 + SLACK[cost]));
}
