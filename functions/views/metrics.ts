/** @file Reads the metrics of a run from the logs of its chunks: as columns, and as scalars for TensorBoard. */
import { readPngSize } from '../../formats/png.ts';
import type { SummaryEvent } from '../../formats/tfevents.ts';
import type { PictureSeries } from '../../formats/tfsummaries.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { BlobStore } from '../../storage/types.ts';
import { findSpikes } from '../experiments/alarms.ts';
import { ARTIFACTS } from '../experiments/border/artifacts.ts';
import { type LoggedStep, readLog } from '../experiments/step-log.ts';

type Chunk = ExperimentHead['chunks'][number];

export interface Metrics {
  /** Columns of equal length; `step` is one of them. Texts have no column. */
  readonly series: Readonly<Record<string, readonly (number | null)[]>>;
  /** Pass it as `after` to read on. Absent at the end. */
  readonly next?: number;
}

/** What a chunk has of its steps: the log, numbers of the machine, and the artifacts of its border. */
type LoggedChunk = Pick<Chunk, 'to' | 'log' | 'metrics' | 'artifacts'>;

/** @param chunks By step, oldest first. @param limit Largest number of rows. */
export async function readMetrics(
  blobs: BlobStore,
  chunks: Iterable<LoggedChunk> | AsyncIterable<LoggedChunk>,
  after: number,
  limit: number,
): Promise<Metrics> {
  const rows: LoggedStep[] = [];
  let more = false;
  for await (const chunk of chunks) {
    if (chunk.to <= after) continue;
    for (const row of await readRows(blobs, chunk)) {
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

/** The log of a chunk. Its last step has the numbers of the machine and of the border, too. */
async function readRows(blobs: BlobStore, { to, log, metrics, artifacts }: LoggedChunk): Promise<LoggedStep[]> {
  const rows = await readLog(blobs, log);
  const found = ARTIFACTS.map(({ name, artifact }) => {
    const digest = artifacts[name];
    return digest && artifact.readScalars?.(blobs, digest);
  });
  const scalars = Object.assign({}, ...(await Promise.all(found)));
  const known = Object.fromEntries(Object.entries<number | null>(scalars).filter(([, value]) => value !== undefined));
  const spikes = new Map(findSpikes(rows).map(({ step, times }) => [step, { 'alarms/loss_spike': times }]));
  return rows.map(row => ({ ...row, ...spikes.get(row.step), ...(row.step === to && { ...metrics, ...known }) }));
}

/** The tags of columns in TensorBoard, by how the column begins. The first row that fits counts; without one: none. */
const TAGS = [
  [/^(?:validation|memorization|sys|memory|alarms)\//, column => column],
  [/^active_tokens$/, column => `sys/${column}`],
  [/^grad_norm\//, column => column.replace('grad_norm', 'gradients')],
  [/^size\//, column => `data/${column}`],
  [
    /^(?:loss|flow_loss|grad_norm|learning_rate|loss_scale|epoch|skipped)$|^(?:loss|loss_t|weight|samples)\//,
    column => `train/${column}`,
  ],
] as const satisfies readonly (readonly [RegExp, (column: string) => string])[];

/**
 * A chunk's log as scalars for TensorBoard. The head determines every byte of a view, so there is no clock: the wall
 * time counts samples.
 */
export async function readScalars(blobs: BlobStore, chunk: LoggedChunk): Promise<SummaryEvent[]> {
  return (await readRows(blobs, chunk)).map(row => ({
    step: row.step,
    wallTime: typeof row.samples === 'number' ? row.samples : row.step,
    scalars: Object.fromEntries(
      Object.entries(row).flatMap(([column, given]) => {
        const [tag, value] = [tagOf(column), toNumber(given)];
        return tag === undefined || value === null ? [] : [[tag, value]];
      }),
    ),
  }));
}

/** Most pictures under one tag of TensorBoard: more do not fit on its page. */
const MOST_SHOWN = 16;

/** {@link readScalars}, with the pictures and texts of the border at the last step. @throws BlobMissing */
export async function readSummaries(blobs: BlobStore, chunk: LoggedChunk): Promise<SummaryEvent[]> {
  const events = await readScalars(blobs, chunk);
  const pictures: Record<string, PictureSeries> = {};
  const texts: Record<string, string> = {};
  for (const { name, artifact } of ARTIFACTS) {
    const digest = chunk.artifacts[name];
    const shown = digest && (await artifact.readShown?.(blobs, digest));
    if (!shown) continue;
    for (const [tag, digests] of Object.entries(shown.pictures ?? {})) {
      const pngs = await mapBounded(digests.slice(0, MOST_SHOWN), { width: 4 }, each => blobs.get(each));
      const [first] = pngs;
      if (first) pictures[tag] = { ...readPngSize(first), pngs };
    }
    Object.assign(texts, shown.texts);
  }
  return events.map(event => (event.step === chunk.to ? { ...event, pictures, texts } : event));
}

/** The tag of a column in TensorBoard; undefined: it is not shown. */
function tagOf(column: string): string | undefined {
  return TAGS.find(([begins]) => begins.test(column))?.[1](column);
}

function toColumns(rows: readonly LoggedStep[]): Metrics['series'] {
  const isNumber = (value: unknown) => typeof value !== 'string' && !Array.isArray(value);
  const keys = new Set(rows.flatMap(row => Object.keys(row).filter(key => isNumber(row[key]))));
  return Object.fromEntries([...keys].map(key => [key, rows.map(row => toNumber(row[key]))]));
}

function toNumber(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : null;
}
