/** @file The checkpoints that an experiment keeps. */
import type { Digest } from './digest.ts';
import type { ExperimentHead, KeptCheckpoint } from './records.ts';

/** One for each step, oldest first: the history, the pinned ones, and the one that the experiment branched from. */
export function listKept(head: ExperimentHead): KeptCheckpoint[] {
  const bySteps = new Map(listAll(head).map(({ step, checkpoint, result }) => [step, { step, checkpoint, result }]));
  return [...bySteps.values()].sort((a, b) => a.step - b.step);
}

/** All of them: after a lost checkpoint was trained again on another device, one step may have two. */
export function listKeptDigests(head: ExperimentHead): Digest[] {
  return [...new Set(listAll(head).map(({ checkpoint }) => checkpoint))];
}

/** The history last, so that its checkpoint stands for the step. */
function listAll({ history, pinned, branched_from }: ExperimentHead): KeptCheckpoint[] {
  return [...(branched_from ? [branched_from] : []), ...pinned, ...history];
}
