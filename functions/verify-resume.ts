/**
 * @file Proves on the device at hand that a training goes on after a stop as if there had been none: N steps at once
 * give the same bytes as k steps, a stop, and N - k steps from the stored checkpoint.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { MOST_SAMPLES } from '../configs/bounds.ts';
import { Cancelled, Internal, Unprocessable } from '../errors.ts';
import type { TrainChunkJob } from '../gpu-runner/protocol.ts';
import { putDocument, readCheckpoint } from '../storage/blobs/document-blobs.ts';
import { canonicalDigest, canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import type { ExperimentHead } from '../storage/experiment-record.ts';
import { nameSchema } from '../storage/records.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { openParent } from './experiments/chunk-parent.ts';
import { stepsFor } from './experiments/chunks.ts';
import { frozenNetsOf } from './experiments/config-weights.ts';
import { checkData, keyedAt, readConfig, readHead } from './experiments/experiment-head.ts';
import { chooseKept } from './experiments/kept-checkpoints.ts';
import { beginsDataset } from './experiments/move-to-dataset.ts';
import { type LoggedStep, readLog } from './experiments/step-log.ts';

/** Steps that one call may train. A longer proof proves no more. */
const MOST_STEPS = 100_000;

const input = z.strictObject({
  experiment: nameSchema,
  from: z
    .union([z.int().nonnegative().max(MOST_SAMPLES), z.literal('latest')])
    .default(0)
    .describe('step at which both trainings begin: 0, or that of a kept checkpoint, or `latest`'),
  steps: z.int().min(2).max(MOST_STEPS).default(10).describe('N: steps of each training'),
  stop: z.int().positive().max(MOST_STEPS).optional().describe('k: steps before the stop; default: half of N'),
});

/** A training of some steps: the checkpoint at its end, and the rows of its log. */
interface Trained {
  readonly checkpoint: Digest;
  readonly rows: readonly LoggedStep[];
}

export const verifyResume = defineFunction({
  name: 'verify-resume',
  summary:
    'Checks that N steps of an experiment, and k steps, a stop and N - k steps, end in the same checkpoint, byte for ' +
    'byte. The experiment stays as it is.',
  version: 1,
  kind: 'effect',
  example: { experiment: 'portraits', steps: 20 },
  input,
  key: body => canonicalJson(body),
  async run(ctx, { experiment: name, from, steps, stop = Math.floor(steps / 2) }) {
    if (stop >= steps) {
      throw new Unprocessable(`a stop after ${stop} of ${steps} steps is none`, { expected: `stop below ${steps}` });
    }
    const { value: head } = await readHead(ctx.store, name);
    const begin = await openStart(ctx, name, head, from);
    const to = begin.step + steps;
    const { optimizer, data } = begin.config;
    const last = stepsFor(optimizer.total_samples, data.batch_size);
    if (to > last) {
      throw new Unprocessable(`steps ${begin.step} to ${to} are not in the run, which ends at step ${last}`, {
        expected: `from + steps of at most ${last}`,
      });
    }
    const at = begin.step + stop;
    const train = (start: Digest | undefined, first: number, end: number) =>
      trainAnew(ctx, { ...begin.job, ...(start && { parent: start }), from: first, to: end });
    const before = await train(begin.parent, begin.step, at);
    // In between, the gpu-runner trains something else, and so forgets the state of the stopped training.
    const whole = await train(begin.parent, begin.step, to);
    const after = await train(before.checkpoint, at, to);
    const isLogEqual = canonicalDigest(whole.rows) === canonicalDigest([...before.rows, ...after.rows]);
    return {
      v: 1,
      experiment: name,
      ok: whole.checkpoint === after.checkpoint && isLogEqual,
      from: begin.step,
      stop: at,
      to,
      engine: head.engine,
      plan: head.plan,
      /** Without a stop, and with one. Equal digests mean equal weights, moments, averages, cursor and random key. */
      without_stop: whole.checkpoint,
      at_stop: before.checkpoint,
      with_stop: after.checkpoint,
      log_is_equal: isLogEqual,
      differs: await listDifferences(ctx, whole.checkpoint, after.checkpoint),
    };
  },
});

/** The checkpoint at which both trainings begin, and what their jobs have in common. */
async function openStart(ctx: EffectContext, name: string, head: ExperimentHead, from: number | 'latest') {
  checkData(name, head);
  const kept = from === 0 && head.branched_from === undefined ? undefined : chooseKept(name, head, from);
  const config = keyedAt(await readConfig(ctx.blobs, head), head);
  const { digest } = await putDocument(ctx.blobs, config);
  const step = kept?.step ?? 0;
  const isEpoch = kept !== undefined && beginsDataset(head, step);
  const claim = {
    config: digest,
    ...(kept && { parent: kept.checkpoint, parent_config: (await readCheckpoint(ctx.blobs, kept.checkpoint)).config }),
    ...(isEpoch && { new_epoch: true as const }),
    from: step,
  };
  const weights = frozenNetsOf(config);
  const job: Omit<TrainChunkJob, 'from' | 'to' | 'parent'> = {
    kind: 'train-chunk',
    config: digest,
    dataset: head.dataset,
    engine: head.engine,
    plan: head.plan,
    ...(weights && { weights }),
  };
  return { step, config, job, parent: await openParent(ctx.blobs, config, claim) };
}

/**
 * Trains on the gpu-runner under a fresh key, which no cache answers. No result is stored: what the gpu-runner writes
 * is reachable from nowhere, and `gc` deletes it.
 */
async function trainAnew(ctx: EffectContext, job: TrainChunkJob): Promise<Trained> {
  const key = canonicalDigest({ verify_resume: randomUUID() });
  const { outputs, to = job.to } = await ctx.runner.run(key, job, {
    signal: ctx.signal,
    onEvent: event => {
      if (event.type !== 'progress') return;
      const { type: _, ...progress } = event;
      ctx.progress(progress);
    },
  });
  if (to !== job.to) throw new Cancelled(`the gpu-runner stopped at step ${to}`, { hint: 'call again' });
  const { checkpoint, log } = outputs;
  if (checkpoint === undefined || log === undefined) throw new Internal('the gpu-runner made no checkpoint');
  return { checkpoint: checkpoint.digest, rows: await readLog(ctx.blobs, log.digest) };
}

/** The parts of two checkpoints that differ. */
async function listDifferences({ blobs }: EffectContext, one: Digest, other: Digest): Promise<string[]> {
  if (one === other) return [];
  const [a, b] = (await Promise.all([one, other].map(digest => readCheckpoint(blobs, digest)))).map(
    ({ tensors, links: _, ...state }): Readonly<Record<string, Json>> => ({ ...state, ...tensors }),
  );
  return Object.keys(a ?? {}).filter(part => canonicalJson(a?.[part] ?? null) !== canonicalJson(b?.[part] ?? null));
}
