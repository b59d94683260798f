/** @file The checkpoints that an experiment keeps, and the blobs that a model keeps. */
import type { Digest } from './digest.ts';
import type { ExperimentHead, KeptCheckpoint } from './experiment-record.ts';
import type { ModelHead } from './model-record.ts';

/**
 * One checkpoint for each step, oldest first: history, best, clean, spaced and pinned checkpoints, and the one
 * that the experiment branched from.
 */
export function listKept(head: ExperimentHead): KeptCheckpoint[] {
  const bySteps = new Map(listAll(head).map(({ step, checkpoint, result }) => [step, { step, checkpoint, result }]));
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}

/**
 * All checkpoints whose blobs stay, with the one whose weights the experiment began with. A step may have two: after a
 * lost checkpoint was trained again on another device.
 */
export function listKeptDigests(head: ExperimentHead): Digest[] {
  const all = [...listAll(head), ...(head.init_from ? [head.init_from] : [])];
  return [...new Set(all.map(({ checkpoint }) => checkpoint))];
}

/** The history comes last, so that its checkpoint stands for the step. */
function listAll({ history, pinned, best, clean, spaced = [], branched_from }: ExperimentHead): KeptCheckpoint[] {
  const single = [branched_from, best, clean].filter(each => each !== undefined);
  return [...spaced, ...single, ...pinned, ...history];
}

/** All blobs of a model: its weights, and the text of its licence. */
export function listModelBlobs({ weights, license }: ModelHead): Digest[] {
  return [...Object.values(weights).flat(), ...(license.text ? [license.text] : [])];
}
