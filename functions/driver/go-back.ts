/** @file Deletes superseded checkpoints, and goes back to the newest whole one when a checkpoint is damaged. */
import type { ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readChunks, withChunks } from '../experiments/chunk-pages.ts';
import { verdictsUpTo } from '../experiments/copies.ts';
import { handDown } from '../experiments/copies-before.ts';
import { changeHead, readHead, stepOf } from '../experiments/experiment-head.ts';
import { extensionsUpTo } from '../experiments/extension.ts';
import { isComplete, pruneCheckpoint, requireBranchPoint } from '../experiments/kept-checkpoints.ts';
import { moveHead } from '../experiments/move-head.ts';
import { formerAt } from '../experiments/move-to-dataset.ts';
import { deleteCheckpointFile } from '../views/experiment-view.ts';
import type { Drive } from './context.ts';

/** Deletes what left the history. Killed in between, the next call goes on. */
export async function pruneSuperseded({ ctx, view }: Drive): Promise<ExperimentHead> {
  const { value: head } = await readHead(ctx.store, view.name);
  if (head.superseded.length === 0) return head;
  for (const gone of head.superseded) {
    await deleteCheckpointFile(view, gone);
    await pruneCheckpoint(ctx.store, ctx.blobs, gone);
  }
  const pruned = new Set(head.superseded.map(gone => gone.result));
  return changeHead(ctx.store, view.name, now => ({
    ...now,
    superseded: now.superseded.filter(gone => !pruned.has(gone.result)),
  }));
}

/**
 * Goes back to the newest complete checkpoint, or to the start, if a checkpoint lost blobs. Training again gives the
 * same bits. The start of a branch is the checkpoint at which it began.
 * @returns False if all checkpoints are complete, so that another blob is missing: the dataset or the config.
 */
export async function fallBack({ ctx, view, config }: Drive, head: ExperimentHead): Promise<boolean> {
  const newest = await findWhole(ctx.blobs, head);
  if (newest?.checkpoint === head.checkpoint) return false;
  if (newest === undefined) await requireBranchPoint(ctx.blobs, view.name, head);
  const to = newest?.step ?? 0;
  ctx.progress({ phase: 'train', message: `a checkpoint is incomplete: going back to step ${to}` });
  await handDown(ctx, { name: view.name, head }, { isDeleted: false });
  const history = newest ? [...head.history.filter(({ step }) => step < to), newest] : [];
  await moveHead(ctx, view.name, head, async now => {
    const { checkpoint: _, former_datasets: __, extended: ___, spaced = [], best, ...others } = now;
    const { clean: ____, memorizing: _____, ...rest } = others;
    const before = spaced.filter(({ step }) => step <= to);
    const back = {
      ...rest,
      ...formerAt(now, to),
      ...extensionsUpTo(to * config.data.batch_size, now),
      ...(newest && { checkpoint: newest.checkpoint }),
      ...(before.length > 0 && { spaced: before }),
      ...(best && best.step <= to && { best }),
      ...verdictsUpTo(to, now),
      history,
      state: now.state === 'done' ? ('running' as const) : now.state,
    };
    const chunks = await readChunks(ctx.blobs, now);
    return withChunks(
      ctx.blobs,
      back,
      chunks.filter(chunk => chunk.to <= to),
    );
  });
  return true;
}

/** The newest checkpoint that is kept and has all its blobs. */
async function findWhole(blobs: BlobStore, head: ExperimentHead): Promise<KeptCheckpoint | undefined> {
  for (const kept of listKept(head).toReversed()) {
    if (kept.step <= stepOf(head) && (await isComplete(blobs, kept.checkpoint))) return kept;
  }
  return undefined;
}
