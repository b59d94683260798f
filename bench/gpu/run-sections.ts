/**
 * @file Runs the sections of bench/gpu.ts one after the other, each within its budget of seconds, and reports every row
 * at once. So a run that is cut off still tells what it has measured.
 */

/** A measured row: numbers, texts and truth values by name. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

export interface Section {
  readonly name: string;
  /** What it measures, in a few words. */
  readonly title: string;
  /** Seconds after which it is ended. */
  readonly seconds: number;
}

/** How a section ended. A reason is one line. */
export type Ending = { readonly how: 'done' } | { readonly how: 'cut' | 'failed'; readonly reason: string };

export interface RunOptions {
  /** Runs a section and calls `onRow` for each row, until `milliseconds` have passed. */
  readonly start: (section: Section, milliseconds: number, onRow: (row: Row) => void) => Promise<Ending>;
  readonly report: (section: Section, row: Row) => void;
  /** Seconds for all sections together. */
  readonly seconds: number;
  /** Milliseconds of a clock. */
  readonly now: () => number;
}

/** A section that gets less than this share of its budget is left out: it would end before its first row. */
const SMALLEST_SHARE = 0.4;

/** Reports the rows of all sections, and for each section a last row with its seconds and how it ended. */
export async function runSections(sections: readonly Section[], options: RunOptions): Promise<void> {
  const { start, report, seconds, now } = options;
  const end = now() + seconds * 1000;
  for (const section of sections) {
    const began = now();
    const left = end - began;
    if (left < SMALLEST_SHARE * section.seconds * 1000) {
      const reason = `${Math.max(0, Math.floor(left / 1000))} s are left, and it may need ${section.seconds} s`;
      report(section, { end: 'left out', reason: `${reason}: --only ${section.name}` });
      continue;
    }
    const milliseconds = Math.min(left, section.seconds * 1000);
    const ending = await start(section, milliseconds, row => report(section, row));
    const reason = ending.how === 'done' ? {} : { reason: ending.reason };
    report(section, { end: ending.how, seconds: Math.round((now() - began) / 100) / 10, ...reason });
  }
}

/** Sections by name, in the order of the table. @throws Error with the known names. */
export function chooseSections<S extends Section>(table: readonly S[], only: string | undefined): readonly S[] {
  if (only === undefined) return table;
  const wanted = only.split(',').map(name => name.trim());
  const unknown = wanted.find(name => !table.some(section => section.name === name));
  if (unknown !== undefined) {
    throw new Error(`--only ${unknown}: expected some of ${table.map(({ name }) => name).join(',')}`);
  }
  return table.filter(({ name }) => wanted.includes(name));
}
