/**
 * @file The state of an experiment: `running` while a call trains it, else `paused`, `done` or `failed`. A state says
 * what is so: `done` stands at the target, and a training that stopped for another reason says why.
 */
import { Conflict } from '../../errors.ts';
import { describeError, rebuildError, type WireError } from '../../errors-wire.ts';
import type { Clock } from '../../storage/clock.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { readLease } from '../../storage/names/lease.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { stepsFor } from './chunks.ts';
import { changeHead, checkData, stepOf } from './experiment-head.ts';

/** Why a training failed, as its head keeps it. */
export type TrainingProblem = NonNullable<ExperimentHead['problem']>;

export interface StateContext {
  readonly store: ObjectStore;
  readonly now: Clock['now'];
  /** Aborted: the call was cancelled. */
  readonly signal: AbortSignal;
}

/** Whether the experiment has seen as many samples. */
export function isAtTarget(head: ExperimentHead, target: number, batchSize: number): boolean {
  return stepOf(head) >= stepsFor(target, batchSize);
}

/** In training up to the target. @throws Unprocessable when the pictures were deleted. */
export function begin(name: string, head: ExperimentHead, target: number): ExperimentHead {
  checkData(name, head);
  // Others train it, up to their own target: it ends at the farthest.
  const farthest = head.state === 'running' ? Math.max(target, head.target) : target;
  return { ...withoutProblem(head), target: farthest, state: 'running' };
}

/** Done, if it stands at its target. */
export function finish(head: ExperimentHead, batchSize: number): ExperimentHead {
  return isAtTarget(head, head.target, batchSize) ? { ...withoutProblem(head), state: 'done' } : head;
}

export function fail(head: ExperimentHead, error: unknown, now: number): ExperimentHead {
  const { code, status, message, expected, hint } = describeError(error);
  const problem: TrainingProblem = {
    code,
    status,
    text: message,
    ...(expected !== undefined && { expected }),
    ...(hint !== undefined && { hint }),
    time: new Date(now).toISOString(),
  };
  return { ...head, state: 'failed', problem };
}

/**
 * Records that the work of a call ended with an error: its experiment is paused when the call was cancelled, else it
 * has failed. Leaves the state of others alone: of an experiment that is not in training, or that another drives, as
 * after a conflict. The state is a courtesy here, and the error is what counts: a store that takes no write keeps the
 * old state.
 * @param holder The call's name in the lease, while it drives. Absent: it does not, and nobody else may.
 */
export async function recordStop(ctx: StateContext, name: string, error: unknown, holder?: string): Promise<void> {
  if (error instanceof Conflict) return;
  try {
    // A driver may have slept past the expiry of its lease, and another taken it.
    const other = await readLease(ctx.store, name, holder === undefined ? ctx.now() : 0);
    if (other && other.holder !== holder) return;
    await changeHead(ctx.store, name, head => {
      if (head.state !== 'running') return head;
      return ctx.signal.aborted ? { ...head, state: 'paused' } : fail(head, error, ctx.now());
    });
  } catch {
    // The store is away or full.
  }
}

/**
 * Checks that a call may be answered as done.
 * @param target Samples that the call asked for.
 * @throws What the training failed with; Conflict when another call ended it before this target.
 */
export function checkEnd(name: string, head: ExperimentHead, target: number, batchSize: number): void {
  const isReached = isAtTarget(head, target, batchSize);
  const isOver = isAtTarget(head, head.target, batchSize);
  if (head.problem && (isOver || !isReached)) throw rebuildError(toWire(head.problem));
  if (head.state !== 'done' || isReached) return;
  throw new Conflict(
    `the experiment "${name}" ended at ${head.target} samples: another call changed its target meanwhile`,
    { expected: `a target of ${target} samples`, hint: 'call again: it goes on from there' },
  );
}

function toWire({ text, time: _, ...rest }: TrainingProblem): WireError {
  // The class of its code decides whether an error is retryable.
  return { ...rest, message: text, retryable: false };
}

/** A head that has not failed has no problem. */
export function withoutProblem({ problem: _, ...head }: ExperimentHead): ExperimentHead {
  return head;
}
