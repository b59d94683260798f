/**
 * @file Whether a training still learns. Every chunk of a head has a summary of its steps: how many were skipped, and
 * their loss. A training that skips most steps, or whose loss explodes, ends with advice: it would go on for hours.
 */
import { MOST_SKIPPED } from '../../configs/optimizer.ts';
import { listSome } from '../../configs/quantity.ts';
import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import type { Chunk, ChunksSummary } from '../../storage/chunk-record.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readChunks } from './chunk-pages.ts';
import { stepsFor } from './chunks.ts';
import { addChunks, type RunOfChunks, summarizeRun } from './chunks-summary.ts';
import { stepOf } from './experiment-head.ts';
import { medianOf } from './median-of.ts';
import type { LoggedStep } from './step-log.ts';

export type ChunkSummary = Pick<Chunk, 'skipped' | 'suspects' | 'loss'>;

/** Fewest steps that a judgement is based on, unless the whole run has fewer. */
const WINDOW_STEPS = 10;
/** Pictures that a summary names, and pictures that a sentence names. */
const MOST_SUSPECTS = 8;
const MOST_NAMED = 3;
/** A loss that is this many times the first one, or this many if the first one is below 1, has exploded. */
const EXPLOSION = 100;
/** Advised when a tenth of the learning rate would still be far too large: the default. */
const USUAL_RATE = 2e-3;

/** How the problem of a training begins that learned nothing any more. */
const DIVERGED = 'the training diverged';

/** Whether a training ended by itself because it learned nothing: it would do so again. */
export function isDivergence(problem: ExperimentHead['problem']): boolean {
  return problem?.text.startsWith(DIVERGED) === true;
}

/** @param rows The log of a chunk. */
export function summarizeSteps(rows: readonly LoggedStep[]): ChunkSummary {
  const lost = rows.filter(isLost);
  const suspects = [...new Set(lost.flatMap(suspectsOf))].slice(0, MOST_SUSPECTS);
  const losses = rows.flatMap(({ loss }) => (typeof loss === 'number' ? [loss] : []));
  const [first] = losses;
  return {
    ...(lost.length > 0 && { skipped: lost.length }),
    ...(suspects.length > 0 && { suspects }),
    ...(first !== undefined && { loss: { first, median: medianOf(losses) } }),
  };
}

/** False for a step that only showed that the loss scale of f16 was too large: a good training has these, too. */
function isLost({ skipped, loss, loss_scale, grad_norm }: LoggedStep): boolean {
  if (skipped !== true) return false;
  const overflows = typeof loss === 'number' && typeof grad_norm !== 'number';
  const searchesScale = typeof loss_scale === 'number' && loss_scale > 1 && overflows;
  return !searchesScale;
}

/** The worst pictures of a skipped step. */
function suspectsOf({ suspects }: LoggedStep): string[] {
  return Array.isArray(suspects) ? suspects.filter(id => typeof id === 'string').slice(0, MOST_NAMED) : [];
}

/** What a person should know of the steps so far; nothing of a good training. */
export function noteSkipped(head: RunOfChunks): Note[] {
  const summary = summarizeRun(head);
  if (summary?.skipped === undefined) return [];
  return [{ code: 'skipped_steps', count: summary.skipped, text: describeSkipped(summary), examples: [] }];
}

/**
 * @param head After a chunk. @returns Why the training should end, judged by its last steps; undefined when it learns.
 */
export async function findDivergence(
  blobs: BlobStore,
  name: string,
  head: ExperimentHead,
  config: Config,
): Promise<Unprocessable | undefined> {
  const isEarly =
    stepsOf(addChunks(undefined, takeLast(head.chunks))) < WINDOW_STEPS &&
    stepOf(head) < stepsFor(head.target, config.data.batch_size);
  const reason = isEarly ? undefined : judge(head.chunks, summarizeRun(head)?.first_loss, config);
  if (reason === undefined) return undefined;
  const hint = advise(name, head, await readChunks(blobs, head), config);
  return new Unprocessable(`${DIVERGED}: ${reason}`, { expected: 'a learning rate at which the loss falls', hint });
}

/** What is wrong with the last steps of the chunks; undefined when they learn. @param first First loss of the run. */
function judge(chunks: readonly Chunk[], first: number | undefined, config: Config): string | undefined {
  const window = takeLast(chunks);
  const summary = addChunks(undefined, window);
  if (summary === undefined) return undefined;
  const { skipped = 0 } = summary;
  const most = stepsOf(summary) * (config.run.max_skipped_share ?? MOST_SKIPPED);
  if (skipped > most) return describeSkipped(summary, 'the last ');
  const now = medianOf(window.flatMap(({ loss }) => (loss ? [loss.median] : [])));
  // Several losses are added up with weights that may grow.
  const isPlain = config.objective.losses === undefined;
  if (!isPlain || first === undefined || now <= EXPLOSION * Math.max(1, first) || Number.isNaN(now)) return undefined;
  const [then, later] = [first, now].map(loss => Number(loss.toPrecision(3)));
  return `its loss was ${then} at first, and is ${later} by now`;
}

function describeSkipped(summary: ChunksSummary, which = ''): string {
  const { skipped = 0, suspects = [] } = summary;
  const were = skipped === 1 ? 'was skipped: its gradient was' : 'were skipped: their gradients were';
  const of = `${skipped} of ${which}${stepsOf(summary)} steps ${were}`;
  const blamed = suspects.length > 0 ? `; pictures to look at: ${listSome(suspects, MOST_NAMED)}` : '';
  return `${of} not finite or far above the last ones, and the weights stayed as they were${blamed}`;
}

/** @param chunks All of the run. */
function advise(name: string, head: ExperimentHead, chunks: readonly Chunk[], config: Config): string {
  const rate = config.optimizer.learning_rate;
  const smaller = rate > 10 * USUAL_RATE ? USUAL_RATE : Number((rate / 10).toPrecision(2));
  const start = takeLast(chunks)[0]?.from ?? 0;
  // Not one that an earlier call went on from when it had diverged already.
  const isGood = (step: number) => {
    const before = chunks.filter(({ to }) => to <= step);
    return judge(before, before[0]?.loss?.first, config) === undefined;
  };
  const good = listKept(head).findLast(({ step }) => step > 0 && step <= start && isGood(step));
  const changes = { optimizer: { learning_rate: smaller } };
  const way =
    good === undefined
      ? `create another experiment with "config": ${JSON.stringify(changes)}`
      : `POST /experiments/${name}/branch ${JSON.stringify({ name: `${name}-2`, from: good.step, config: changes })}`;
  return (
    `lower optimizer.learning_rate (${rate} now): ${way}; ` +
    `POST /experiments/${name}/train goes on with this one as it is`
  );
}

/** The last chunks that have enough steps together. */
function takeLast(chunks: readonly Chunk[]): readonly Chunk[] {
  let start = chunks.length;
  for (let steps = 0; start > 0 && steps < WINDOW_STEPS; start--) steps += stepsOf(chunks[start - 1]);
  return chunks.slice(start);
}

function stepsOf(range: { readonly from: number; readonly to: number } | undefined): number {
  return range ? range.to - range.from : 0;
}
