/** @file One chunk of a training: steps, what is due at its border, and the head, which makes it count. */
import { z } from 'zod';
import { isNotFinite } from '../../configs/not-finite.ts';
import type { ProgressEvent } from '../../configs/progress.ts';
import type { Config } from '../../configs/schema.ts';
import { spreadCheckpoints } from '../../configs/spread-checkpoints.ts';
import { Internal, OutOfMemory } from '../../errors.ts';
import { putDocument, readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKeptDigests } from '../../storage/list-kept.ts';
import type { Result } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { CallAnswer } from '../define.ts';
import { outputOf } from '../execution/output-of.ts';
import { noteAlarms, summarizeFlowLoss, summarizeSpikes } from '../experiments/alarms.ts';
import { chooseBest, judgeCheckpoint, withoutLoss } from '../experiments/best-checkpoint.ts';
import type { BorderContext } from '../experiments/border/border-step.ts';
import { BORDER_STEPS } from '../experiments/border/border-steps.ts';
import { packChunks } from '../experiments/chunk-pages.ts';
import { type StepRange, stepsFor } from '../experiments/chunks.ts';
import { judgeNewest, noteMemorizing, readCheck, type Verdicts } from '../experiments/copies.ts';
import { keyedAt } from '../experiments/experiment-head.ts';
import { isComplete } from '../experiments/kept-checkpoints.ts';
import { moveHead } from '../experiments/move-head.ts';
import { beginsDataset } from '../experiments/move-to-dataset.ts';
import { readLog } from '../experiments/step-log.ts';
import { findDivergence, summarizeSteps } from '../experiments/training-health.ts';
import { fail, finish } from '../experiments/training-state.ts';
import { putRecord } from '../provenance/put-lineage.ts';
import type { Drive } from './context.ts';
import { ChunkOutOfMemory } from './lower-micro-batch.ts';

/** One chunk: train, the steps of the border, and the head, which makes it count. */
export async function trainChunk(run: Drive, head: ExperimentHead, range: StepRange): Promise<void> {
  const { ctx, view } = run;
  const answer = await callTrainChunk(run, head, range).catch(error => {
    throw error instanceof OutOfMemory ? new ChunkOutOfMemory(error) : error;
  });
  const checkpoint = outputOf(answer.result, 'checkpoint');
  const to = endOf(answer.result);
  const rows = await readLog(ctx.blobs, outputOf(answer.result, 'log'));
  // A chunk that a shutdown cut short ends at no border.
  const artifacts = to === range.to ? await runBorderSteps(run, head, to, checkpoint) : {};
  const chunk: Chunk = {
    from: range.from,
    to,
    log: outputOf(answer.result, 'log'),
    record: await putRecord(ctx.blobs, answer.result),
    ...summarizeSteps(rows),
    ...summarizeSpikes(rows),
    ...(await summarizeFlowLoss(ctx.blobs, artifacts)),
    ...(head.plan_changes && { micro_batch: head.plan.micro_batch }),
    ...metricsOf(answer.result),
    artifacts,
  };
  const kept = { step: chunk.to, checkpoint, result: answer.action };
  const checked = await readCheck(ctx.blobs, chunk.artifacts);
  const judged = await judgeCheckpoint(ctx.blobs, chunk.artifacts, kept);
  const advance = async (now: ExperimentHead) => {
    const history = [...now.history, kept];
    const over = Math.max(0, history.length - (run.config.run.keep + 1));
    const { spaced, dropped } = spreadCheckpoints([...(now.spaced ?? []), kept], run.config.run.keep_spaced ?? 0);
    const best = chooseBest(now, judged);
    const { spaced: _, best: formerBest, clean: formerClean, memorizing: __, ...before } = now;
    const moved = {
      ...before,
      checkpoint,
      history: history.slice(over),
      ...(spaced.length > 0 && { spaced }),
      ...(best && { best }),
      ...judgeNewest(now, checked, kept),
      chunks: [...now.chunks, chunk],
    };
    const stays = new Set(listKeptDigests(moved));
    const judgedBefore = [...(formerBest ? [withoutLoss(formerBest)] : []), ...(formerClean ? [formerClean] : [])];
    const left = new Map([...history.slice(0, over), ...dropped, ...judgedBefore].map(each => [each.checkpoint, each]));
    const gone = [...left.values()].filter(each => !stays.has(each.checkpoint));
    const ended = await end(run, { ...moved, superseded: [...now.superseded, ...gone] });
    return packChunks(ctx.blobs, ended);
  };
  tellAlarms(run, head, chunk, judgeNewest(head, checked, kept));
  await moveHead(ctx, view.name, head, advance, checkpoint);
}

/** Tells the events of the run what the chunk added to the alarms. */
function tellAlarms({ ctx, view }: Drive, head: ExperimentHead, chunk: Chunk, verdicts: Verdicts): void {
  const list = (now: ExperimentHead) => [...noteAlarms(now), ...noteMemorizing(view.name, now)];
  const before = new Set(list(head).map(({ text }) => text));
  for (const { text } of list({ ...head, ...verdicts, chunks: [...head.chunks, chunk] })) {
    if (!before.has(text)) ctx.progress({ phase: 'train', message: `alarm: ${text}` });
  }
}

/** Done, if it is at its target by now and nobody paused it; failed, if it learns nothing any more. */
export async function end({ ctx, view, config }: Drive, head: ExperimentHead): Promise<ExperimentHead> {
  if (head.state !== 'running') return head;
  const problem = await findDivergence(ctx.blobs, view.name, head, config);
  return problem ? fail(head, problem, ctx.now()) : finish(head, config.data.batch_size);
}

async function callTrainChunk(run: Drive, head: ExperimentHead, range: StepRange): Promise<CallAnswer> {
  const { ctx, signal } = run;
  const config = await putKeyedConfig(ctx.blobs, run.config, head);
  const parent = head.checkpoint && (await readCheckpoint(ctx.blobs, head.checkpoint));
  const body: Json = {
    config,
    ...(head.checkpoint && { parent: head.checkpoint }),
    ...(parent && parent.config !== config && { parent_config: parent.config }),
    dataset: head.dataset,
    ...range,
    ...(head.checkpoint && beginsDataset(head, range.from) && { new_epoch: true }),
    engine: head.engine,
    plan: head.plan,
  };
  const options = { signal, onEvent: tellWhole(run, head) };
  const answer = await ctx.call('train-chunk', body, options);
  if (answer.cache === 'miss' || (await isComplete(ctx.blobs, outputOf(answer.result, 'checkpoint')))) return answer;
  return ctx.call('train-chunk', body, { ...options, skipCache: true });
}

/** The steps of the border that are due, one after the other. @returns The artifact of each. */
async function runBorderSteps(
  { ctx, signal, config }: Drive,
  head: ExperimentHead,
  step: number,
  checkpoint: Digest,
): Promise<Chunk['artifacts']> {
  const call: BorderContext['call'] = (name, body) => ctx.call(name, body, { signal });
  const tell = (message: string) => ctx.progress({ phase: 'train', message });
  const border: BorderContext = { head, config, step, blobs: ctx.blobs, call, tell };
  const artifacts: Record<string, Digest> = {};
  for (const { name, due, run } of BORDER_STEPS) {
    if (!due(border)) continue;
    const artifact = await run(border, checkpoint).catch((error: unknown) => {
      // Whether a training has diverged is told by its losses.
      if (!isNotFinite(error)) throw error;
      tell(`step ${step} has no ${name}: ${error.message}`);
      return undefined;
    });
    if (artifact !== undefined) artifacts[name] = artifact;
  }
  return artifacts;
}

export async function putKeyedConfig(blobs: BlobStore, config: Config, head: ExperimentHead): Promise<Digest> {
  return (await putDocument(blobs, keyedAt(config, head))).digest;
}

/** The steps of a chunk as steps of the whole run. */
function tellWhole({ ctx, config }: Drive, head: ExperimentHead): (event: ProgressEvent) => void {
  const total = stepsFor(head.target, config.data.batch_size);
  return event => ctx.progress(event.phase === 'train' && event.unit === 'steps' ? { ...event, total } : event);
}

/** The numbers of the machine; nothing of a result that has none, such as one of an earlier version. */
function metricsOf({ stats }: Result): Pick<Chunk, 'metrics'> {
  const metrics = z.record(z.string(), z.number()).safeParse(stats.metrics);
  return metrics.success ? { metrics: metrics.data } : {};
}

/** Smaller than asked when a shutdown cut the chunk short. */
function endOf(result: Result): number {
  const { to } = result.action.params;
  if (typeof to === 'number') return to;
  throw new Internal('a train-chunk result without its step range');
}
