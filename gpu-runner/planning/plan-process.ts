/**
 * @file The process that plans memory. Tracing and compiling take a core for up to minutes, and a compiler that fails
 * may end its process. It gets one {@link PlanMessage}, answers with {@link PlanReply}, and ends.
 */
import { setPriority } from 'node:os';
import { findCard } from '../../configs/cards.ts';
import type { EngineName, Precision } from '../../configs/engines.ts';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import type { ProgressEvent } from '../../configs/progress.ts';
import { describeError, type WireError } from '../../errors-wire.ts';
import { endWithParent } from '../child/end-with-parent.ts';
import { type PlanRequest, planMemory } from './plan-memory.ts';
import { openPlanner } from './planners.ts';

export interface PlanMessage {
  readonly request: PlanRequest;
  readonly engine: { readonly name: EngineName; readonly precision: Precision };
  /** Name of a card of configs/cards.ts; absent: the device of this machine. */
  readonly card?: string;
  /** Predicts instead of compiling. */
  readonly quick?: boolean;
  /** Name and version of the compiler or engine, for the plan. */
  readonly compiler: string;
}

export type PlanReply =
  | { readonly type: 'progress'; readonly event: ProgressEvent }
  | { readonly type: 'done'; readonly plan: MemoryPlan }
  | { readonly type: 'failed'; readonly error: WireError };

/** Trainings go first. */
const NICE = 10;

async function answer({ request, engine, card, compiler, quick = false }: PlanMessage): Promise<PlanReply> {
  try {
    const planner = await openPlanner(engine.name, {
      precision: engine.precision,
      quick,
      ...(card !== undefined && { card: findCard(card) }),
    });
    const plan = await planMemory(request, planner, compiler, event => void reply({ type: 'progress', event }));
    return { type: 'done', plan };
  } catch (error) {
    return { type: 'failed', error: describeError(error) };
  }
}

function reply(message: PlanReply): Promise<void> {
  return new Promise(resolve => process.send?.(message, () => resolve()));
}

setPriority(NICE);
endWithParent();
process.once('message', message => {
  void answer(message as PlanMessage)
    .then(reply)
    .then(() => process.disconnect());
});
