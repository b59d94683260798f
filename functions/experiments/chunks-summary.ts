/**
 * @file Adds up what notes, alarms and the home page tell of a run, chunk by chunk. A head keeps the sum of the chunks
 * that it no longer has, so that its notes need no page.
 */
import type { Chunk, ChunksSummary } from '../../storage/chunk-record.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';

/** The chunks of a head, and the steps at which it moved to another dataset. */
export type RunOfChunks = Pick<ExperimentHead, 'chunks' | 'earlier' | 'former_datasets'>;

/** Pictures that a summary names. */
const MOST_SUSPECTS = 32;

/** Of all chunks of a run; undefined before the first. */
export function summarizeRun({ chunks, earlier, former_datasets }: RunOfChunks): ChunksSummary | undefined {
  return addChunks(earlier?.summary, chunks, former_datasets);
}

/** @param summary Of the chunks before. */
export function addChunks(
  summary: ChunksSummary | undefined,
  chunks: readonly Chunk[],
  former: ExperimentHead['former_datasets'] = [],
): ChunksSummary | undefined {
  return chunks.reduce<ChunksSummary | undefined>(
    (sum, chunk) => ({
      from: sum?.from ?? chunk.from,
      to: chunk.to,
      ...addFirstLoss(sum, chunk),
      ...addSkipped(sum, chunk),
      ...addSpikes(sum, chunk),
      ...addFlowLoss(sum, chunk, former),
      artifacts: { ...sum?.artifacts, ...chunk.artifacts },
    }),
    summary,
  );
}

function addFirstLoss(sum: ChunksSummary | undefined, { loss }: Chunk): Pick<ChunksSummary, 'first_loss'> {
  const first = sum ? sum.first_loss : loss?.first;
  return first === undefined ? {} : { first_loss: first };
}

function addSkipped(sum: ChunksSummary | undefined, chunk: Chunk): Pick<ChunksSummary, 'skipped' | 'suspects'> {
  const skipped = (sum?.skipped ?? 0) + (chunk.skipped ?? 0);
  // The last ones are the news.
  const suspects = [...new Set([...(chunk.suspects ?? []), ...(sum?.suspects ?? [])])].slice(0, MOST_SUSPECTS);
  return { ...(skipped > 0 && { skipped }), ...(suspects.length > 0 && { suspects }) };
}

/** Of equally bad spikes, the first one counts as the worst. */
function addSpikes(sum: ChunksSummary | undefined, { spikes: later }: Chunk): Pick<ChunksSummary, 'spikes'> {
  const before = sum?.spikes;
  if (later === undefined) return before ? { spikes: before } : {};
  const worst = before && before.times >= later.times ? before : later;
  return { spikes: { ...worst, count: (before?.count ?? 0) + later.count } };
}

/** Losses on the pictures of another dataset do not compare: the first one on a new dataset begins anew. */
function addFlowLoss(
  sum: ChunksSummary | undefined,
  { to, flow_loss }: Chunk,
  former: NonNullable<ExperimentHead['former_datasets']>,
): Pick<ChunksSummary, 'flow_loss'> {
  const before = sum?.flow_loss;
  const point = flow_loss && { to, ...flow_loss };
  if (point === undefined || !Number.isFinite(gapOf(point))) return before ? { flow_loss: before } : {};
  const isFirst = before === undefined || former.some(({ until }) => before.last.to <= until && until < to);
  if (isFirst) return { flow_loss: { narrowest: point, smallest: point, last: point } };
  return {
    flow_loss: {
      narrowest: gapOf(point) < gapOf(before.narrowest) ? point : before.narrowest,
      smallest: point.held_out < before.smallest.held_out ? point : before.smallest,
      last: point,
    },
  };
}

/** The loss on held-out pictures above that on trained ones, as a share of the latter: 0.3 is 30 % above. */
export function gapOf({ held_out, train }: { readonly held_out: number; readonly train: number }): number {
  return held_out / train - 1;
}
