/** @file Reads the metrics of a run from the logs of its chunks: as columns, and as scalars for TensorBoard. */
import type { ScalarEvent } from '../../formats/tfevents.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import { type LoggedStep, readLog } from '../experiments/step-log.ts';

export interface Metrics {
  /** Columns of equal length; `step` is one of them. Texts have no column. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
  /** Pass it as `after` to read on. Absent at the end. */
  readonly next?: number;
}

/** @param logs By step, oldest first. @param limit Largest number of rows. */
export async function readMetrics(
  blobs: BlobStore,
  logs: readonly { readonly to: number; readonly log: Digest }[],
  after: number,
  limit: number,
): Promise<Metrics> {
  const rows: LoggedStep[] = [];
  let more = false;
  for (const { log } of logs.filter(each => each.to > after)) {
    for (const row of await readLog(blobs, log)) {
      if (row.step <= after) continue;
      more = rows.length === limit;
      if (more) break;
      rows.push(row);
    }
    if (more) break;
  }
  const last = rows.at(-1)?.step;
  return { series: toColumns(rows), ...(more && last !== undefined && { next: last }) };
}

/** Columns of a log that TensorBoard shows under `train/`, besides the losses by time and by name. */
const SHOWN = ['loss', 'grad_norm', 'learning_rate', 'loss_scale', 'active_tokens', 'skipped'] as const;

/**
 * A chunk's log as scalars for TensorBoard. The head determines every byte of a view, so there is no clock: the wall
 * time counts samples.
 */
export async function readScalars(blobs: BlobStore, log: Digest): Promise<ScalarEvent[]> {
  return (await readLog(blobs, log)).map(row => ({
    step: row.step,
    wallTime: typeof row.samples === 'number' ? row.samples : row.step,
    scalars: Object.fromEntries(
      [...SHOWN, ...Object.keys(row).filter(column => /^loss(_t)?\//.test(column))].flatMap(column => {
        const value = toNumber(row[column]);
        return value === null ? [] : [[`train/${column}`, value]];
      }),
    ),
  }));
}

function toColumns(rows: readonly LoggedStep[]): Metrics['series'] {
  const keys = new Set(rows.flatMap(row => Object.keys(row).filter(key => typeof row[key] !== 'string')));
  return Object.fromEntries([...keys].map(key => [key, rows.map(row => toNumber(row[key]))]));
}

function toNumber(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : null;
}
