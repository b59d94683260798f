/** @file One display for all stages of `prepare`: stage k of n, pictures, pictures per second. */
import type { ProgressEvent } from '../configs/progress.ts';

/** Phases that are parts of a stage with another name. */
const STAGE_OF: Readonly<Record<string, string>> = { store: 'import' };
/** A rate is that of the last so many milliseconds. */
const WINDOW_MS = 20_000;

export interface StageTable {
  /** Names of the stages in their order, as the estimate has them; a stage may come twice. None: not known. */
  readonly stages: readonly string[];
  readonly pictures: number;
}

/** Turns the events of a call of `prepare`, in their order, into events of stages that count pictures. */
export function createStageProgress(
  { stages, pictures }: StageTable,
  now: () => number = () => performance.now(),
): (event: ProgressEvent) => ProgressEvent {
  let at = -1;
  let name: string | undefined;
  let done = 0;
  let seen: { readonly time: number; readonly items: number }[] = [];

  function enter(stage: string): void {
    const found = stages.indexOf(stage, at + 1);
    at = found < 0 ? at + 1 : found;
    name = stage;
    seen = [];
    done = 0;
  }

  function rateOf(items: number): number | undefined {
    const time = now();
    seen.push({ time, items });
    while (seen.length > 2 && time - (seen[0]?.time ?? time) > WINDOW_MS) seen.shift();
    const [first] = seen;
    const ms = first === undefined ? 0 : time - first.time;
    return first === undefined || ms <= 0 || items <= first.items ? undefined : (1000 * (items - first.items)) / ms;
  }

  return event => {
    const stage = STAGE_OF[event.phase] ?? event.phase;
    if (stage !== name || (event.done === 0 && done > 0 && event.phase === stage)) enter(stage);
    done = event.done ?? done;
    const of = stages.length === 0 ? '' : `/${Math.max(stages.length, at + 1)}`;
    const phase = `${at + 1}${of} ${event.phase}`;
    const items = event.metrics?.items;
    const isWhole = event.done !== undefined && event.done === event.total;
    if (items === undefined || pictures === 0) return { ...event, phase };
    const rate = rateOf(items);
    return {
      phase,
      // Rejected pictures and equal ones are gone by now, so the last count is the total.
      done: items,
      total: isWhole ? items : Math.max(pictures, items),
      unit: 'pictures',
      ...(rate !== undefined && { metrics: { pictures_per_second: rate } }),
      ...(event.message !== undefined && { message: event.message }),
    };
  };
}
