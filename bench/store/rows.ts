/** @file The rows that `bench/store.ts` prints: one for each measurement and each peer. */

/** Numbers by name; the name has the unit. */
export type Measures = Readonly<Record<string, number>>;

export interface StoreRow {
  /** The work: `put 4 KiB blobs`. */
  readonly case: string;
  /** The worker: `file`, `endpoint`, `minio`, or a part of the program. */
  readonly by: string;
  readonly measures: Measures;
  /** The peer that did the same work in the same run. */
  readonly peer?: string;
  /** Our speed divided by the speed of the peer. Above 1, ours is faster. */
  readonly ratio?: number;
}

export type Report = (row: StoreRow) => void;

/** Times from {@link takeTurns}: of several stores, and of peers that do the same work without a store. */
export interface Turns {
  readonly case: string;
  /** Milliseconds by name of store or peer. */
  readonly times: ReadonlyMap<string, number>;
  readonly stores: readonly string[];
  /** The first store is compared with these. The other stores are compared with each other. */
  readonly peers: readonly string[];
  measure(ms: number): Measures;
}

export function reportTurns(report: Report, { case: name, times, stores, peers, measure }: Turns): void {
  const timeOf = (by: string) => times.get(by) ?? Number.NaN;
  for (const [index, by] of stores.entries()) {
    for (const peer of index === 0 ? peers : stores.filter(other => other !== by)) {
      report({ case: name, by, measures: measure(timeOf(by)), peer, ratio: timeOf(peer) / timeOf(by) });
    }
  }
}

/** Rounds to four digits. More would be noise. */
export function round(number: number): number {
  return Number(number.toPrecision(4));
}

export function createReport(json: boolean): Report {
  return row => {
    const measures = Object.fromEntries(Object.entries(row.measures).map(([name, value]) => [name, round(value)]));
    const ratio = row.ratio === undefined ? {} : { ratio: round(row.ratio) };
    if (json) {
      const { measures: _, ...rest } = row;
      console.log(JSON.stringify({ bench: 'store', ...rest, ...measures, ...ratio }));
      return;
    }
    const numbers = Object.entries(measures).map(([name, value]) => `${value} ${name.replaceAll('_', ' ')}`);
    const compared = row.peer === undefined ? '' : `; ${ratio.ratio} x ${row.peer}`;
    console.log(`${row.case}, ${row.by}: ${numbers.join(', ')}${compared}`);
  };
}
