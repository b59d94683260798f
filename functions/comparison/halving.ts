/** @file Successive halving (arXiv 1502.07943): all begin, the better half goes on, until the finalists are left. */

export interface Rung {
  /** Of the optimizer steps of a run, at which the runs are compared. */
  readonly share: number;
  /** Runs that train up to it. */
  readonly runs: number;
}

/**
 * The shares of the rungs grow by an equal factor from `first` to 1, and their runs halve. Trained to the end, a run
 * costs 1: 8 runs cost 1.7 instead of 8 with `first` .01.
 * @param runs At least 1. @param steps Of the shortest run. @param finalists Runs that are trained to the end.
 */
export function planRungs(runs: number, steps: number, first: number, finalists: number): Rung[] {
  const kept = Math.min(runs, finalists);
  const halvings = Math.ceil(Math.log2(runs / kept));
  const rungs: Rung[] = [];
  let before = 0;
  for (let k = 0; k < halvings; k++) {
    const share = first ** (1 - k / halvings);
    const at = stepsAt(share, steps);
    // So short a run has no room for all rungs: one at equal steps compares nothing new.
    if (at > before && at < steps) rungs.push({ share, runs: Math.max(kept, Math.ceil(runs / 2 ** k)) });
    before = Math.max(before, at);
  }
  return [...rungs, { share: 1, runs: kept }];
}

/** The optimizer step of a rung. @param steps Of the whole run. */
export function stepsAt(share: number, steps: number): number {
  return Math.min(steps, Math.max(1, Math.round(share * steps)));
}

export interface Scored<T> {
  readonly run: T;
  /** Smaller is better; undefined: it diverged. */
  readonly score: number | undefined;
}

/** Best first; of equal scores the earlier one. Those that diverged come last. */
export function rankRuns<T>(scored: readonly Scored<T>[]): Scored<T>[] {
  const of = ({ score }: Scored<T>) => (score === undefined || Number.isNaN(score) ? Number.POSITIVE_INFINITY : score);
  return scored.toSorted((a, b) => (of(a) === of(b) ? 0 : of(a) - of(b)));
}

/** Every combination of one value for each key, the last key fastest. */
export function combineValues<V>(set: Readonly<Record<string, readonly V[]>>): Record<string, V>[] {
  return Object.entries(set).reduce<Record<string, V>[]>(
    (rows, [key, values]) => rows.flatMap(row => values.map(value => ({ ...row, [key]: value }))),
    [{}],
  );
}

/** `{ 'a.b': 1 }` as `{ a: { b: 1 } }`. */
export function nestKeys(flat: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const nested: Record<string, unknown> = {};
  for (const [path, value] of Object.entries(flat)) {
    const names = path.split('.');
    const last = names.pop() ?? '';
    let place = nested;
    for (const name of names) {
      const inner = Object.hasOwn(place, name) ? place[name] : undefined;
      const next = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
      place[name] = next;
      place = next;
    }
    place[last] = value;
  }
  return nested;
}
