/** @file What `bench/store.ts` prints: one row for each measurement and each peer that it is compared with. */

/** Numbers with their unit in the name. */
export type Measures = Readonly<Record<string, number>>;

export interface StoreRow {
  /** What was done: `put 4 KiB blobs`. */
  readonly case: string;
  /** By what: `file`, `endpoint`, `minio`, or a part of the program. */
  readonly by: string;
  readonly measures: Measures;
  /** What else did the same in the same run. */
  readonly peer?: string;
  /** Speed of ours over that of the peer: above 1, ours is faster. */
  readonly ratio?: number;
}

export type Report = (row: StoreRow) => void;

/** What {@link takeTurns} measured: of several stores, and of peers that do the same without one. */
export interface Turns {
  readonly case: string;
  /** Milliseconds by name, of stores and peers. */
  readonly times: ReadonlyMap<string, number>;
  readonly stores: readonly string[];
  /** With whom the first store is compared; the others are compared with the other stores. */
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

/** Four digits: more would be noise. */
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
