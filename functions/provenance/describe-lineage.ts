/** @file How an action's outputs can be made again: calls in their order, and the blobs that they begin with. */
import { z } from 'zod';
import { AppError, NotFound } from '../../errors.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { type actionSchema, digestSchema } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import type { Executor } from '../execution/executor.ts';
import { bodyOf } from '../execution/parse-call.ts';
import { anyJsonSchema, diffJson } from './diff-json.ts';
import { createMadeIndex } from './made-index.ts';
import { BackWalk, type Walk, type WalkOptions } from './walk-back.ts';

const roleSchema = z.enum(['originals', 'config', 'weights', 'checkpoint', 'other']);

export const lineageAnswerSchema = z.strictObject({
  v: z.literal(1),
  action: digestSchema,
  from: z.enum(['originals', 'checkpoint']),
  /** Calls, each after those that make its inputs; the last is the action itself. */
  steps: z.array(
    z.strictObject({
      action: digestSchema,
      function: z.string(),
      version: z.int(),
      /** Of POST /functions/<function>: that call makes the outputs again. */
      body: anyJsonSchema,
      outputs: z.record(z.string(), digestSchema),
      /** Time that it took when it was computed first. */
      seconds: z.number().exactOptional(),
      /** Why the call would be another action in this version of Easel. */
      stale: z.string().exactOptional(),
    }),
  ),
  /** Blobs that no action made. */
  leaves: z.array(
    z.strictObject({
      digest: digestSchema,
      size: z.int(),
      media_type: z.string(),
      role: roleSchema,
      /** The blob itself, of a document that is not stored any more. */
      text: z.string().exactOptional(),
    }),
  ),
  /** Blobs that are needed, not stored, and of which nobody knows how they were made. */
  holes: z.array(z.strictObject({ digest: digestSchema, role: roleSchema, needed_by: digestSchema.exactOptional() })),
});
export type LineageAnswer = z.infer<typeof lineageAnswerSchema>;

interface Site {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly executor: Pick<Executor, 'actionOf'>;
}

/** @throws NotFound when no result and no record tells the action. */
export async function describeLineage(
  { store, blobs, executor }: Site,
  action: Digest,
  options: Required<WalkOptions>,
): Promise<LineageAnswer> {
  const index = createMadeIndex(store, blobs);
  const back = new BackWalk(index, blobs, options);
  const made = await index.action(action);
  if (made === undefined) throw unknownAction(action);
  await back.addAction(made);
  const { steps, leaves, holes } = back.walk;
  return {
    v: 1,
    action,
    from: options.from,
    steps: await Promise.all(steps.map(step => describeStep(executor, step))),
    leaves: leaves.map(({ blob, role, text, isStored }) => ({ ...blob, role, ...(!isStored && text && { text }) })),
    holes: holes.map(({ neededBy, ...hole }) => ({ ...hole, ...(neededBy && { needed_by: neededBy }) })),
  };
}

export function unknownAction(action: Digest): NotFound {
  return new NotFound(`nothing is known of the action ${action}`, {
    expected: 'an action with a result in this store, or a record in an experiment',
    hint: 'ask the server of the store in which the picture was made; `gc` lets samples go after their retention',
  });
}

async function describeStep(
  executor: Pick<Executor, 'actionOf'>,
  { action, outputs, seconds }: Walk['steps'][number],
): Promise<LineageAnswer['steps'][number]> {
  const stale = await findStale(executor, action);
  return {
    action: canonicalDigest(action),
    function: action.function,
    version: action.version,
    body: bodyOf(action),
    outputs,
    ...(seconds !== undefined && { seconds }),
    ...(stale !== undefined && { stale }),
  };
}

/** Undefined if the call of today is the same action. */
async function findStale(
  executor: Pick<Executor, 'actionOf'>,
  action: z.infer<typeof actionSchema>,
): Promise<string | undefined> {
  try {
    const now = await executor.actionOf(action.function, bodyOf(action));
    const differences = diffJson(action, now ?? null);
    const tell = differences.map(
      ({ path, before, after }) => `${path}: ${JSON.stringify(before)}, now ${JSON.stringify(after)}`,
    );
    return differences.length > 0 ? tell.join('; ') : undefined;
  } catch (error) {
    if (error instanceof AppError) return error.message;
    throw error;
  }
}
