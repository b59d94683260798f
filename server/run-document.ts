/** @file A run as the wire shows it. */
import { z } from 'zod';
import { progressSchema } from '../configs/progress.ts';
import { Internal } from '../errors.ts';
import { describeError } from '../errors-wire.ts';
import { makeProblem, problemSchema } from '../formats/problem.ts';
import type { RunState } from '../functions/execution/run-handle.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema, resultSchema } from '../storage/records.ts';

export const runDocumentSchema = z.strictObject({
  v: z.literal(1),
  action: digestSchema,
  function: z.string(),
  state: z.enum(['queued', 'running', 'done', 'failed']),
  cache: z.enum(['hit', 'miss']).optional(),
  result: z
    .union([resultSchema, z.json()])
    .optional()
    .meta({ description: 'for an effect, the JSON that it returned' }),
  problem: problemSchema.optional(),
  progress: progressSchema.optional(),
  resolved: z
    .record(z.string(), digestSchema)
    .optional()
    .meta({ description: 'names in the body, and what they stood for' }),
});
export type RunDocument = z.infer<typeof runDocumentSchema>;

export function runPath(action: Digest): string {
  return `/runs/${action}`;
}

export function describeRun(state: RunState): Json {
  const { error, action, ...rest } = state;
  const document = { v: 1, action, ...rest, ...(error && { problem: makeProblem(error, runPath(action)) }) };
  return document as unknown as Json;
}

/** The last event of a run's stream: `done` with { action, cache, result }, or `failed` with a problem document. */
export function finalEvent(state: RunState): { readonly event: string; readonly data: string } {
  const { action, cache, result } = state;
  if (state.state === 'done') return { event: 'done', data: JSON.stringify({ action, cache, result }) };
  const error = state.error ?? describeError(new Internal('the run ended without a result'));
  return { event: 'failed', data: JSON.stringify(makeProblem(error, runPath(action))) };
}
