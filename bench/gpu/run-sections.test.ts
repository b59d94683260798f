import { describe, expect, it } from 'vitest';
import { chooseSections, type Ending, type Row, type RunOptions, runSections, type Section } from './run-sections.ts';

const TABLE: readonly Section[] = ['a', 'b', 'c'].map(name => ({ name, title: name.toUpperCase(), seconds: 10 }));

/** Reported rows of a run whose clock moves only in `start`. */
async function run(seconds: number, work: (section: Section, limit: number) => { took: number; ending: Ending }) {
  let clock = 0;
  const rows: (Row & { section: string })[] = [];
  const start: RunOptions['start'] = async (section, milliseconds, onRow) => {
    onRow({ limit: milliseconds });
    const { took, ending } = work(section, milliseconds);
    clock += took * 1000;
    return ending;
  };
  const report = (section: Section, row: Row) => rows.push({ section: section.name, ...row });
  await runSections(TABLE, { start, report, seconds, now: () => clock });
  return rows;
}

describe('runSections', () => {
  it('rows are reported when they are measured, and each section ends with a row', async () => {
    const rows = await run(100, () => ({ took: 2, ending: { how: 'done' } }));
    expect(rows.slice(0, 3)).toEqual([
      { section: 'a', limit: 10_000 },
      { section: 'a', end: 'done', seconds: 2 },
      { section: 'b', limit: 10_000 },
    ]);
  });

  it('a section that fails or is cut off does not stop the others', async () => {
    const endings: Record<string, Ending> = {
      a: { how: 'failed', reason: 'SIGSEGV' },
      b: { how: 'cut', reason: 'after 10 s' },
    };
    const rows = await run(100, ({ name }) => ({ took: 1, ending: endings[name] ?? { how: 'done' } }));
    expect(rows.filter(row => 'end' in row)).toEqual([
      { section: 'a', end: 'failed', seconds: 1, reason: 'SIGSEGV' },
      { section: 'b', end: 'cut', seconds: 1, reason: 'after 10 s' },
      { section: 'c', end: 'done', seconds: 1 },
    ]);
  });

  it('a section gets no more than the time that is left, and too little time leaves it out with the command', async () => {
    const rows = await run(16, () => ({ took: 9, ending: { how: 'done' } }));
    expect(rows.map(({ limit, end }) => limit ?? end)).toEqual([10_000, 'done', 7_000, 'done', 'left out']);
    expect(rows.at(-1)?.reason).toMatch(/^0 s are left, and it may need 10 s: --only c$/);
  });
});

it('chooseSections keeps the order of the table, and an unknown name is refused with the known ones', () => {
  expect(chooseSections(TABLE, undefined)).toBe(TABLE);
  expect(chooseSections(TABLE, 'c, a').map(({ name }) => name)).toEqual(['a', 'c']);
  expect(() => chooseSections(TABLE, 'a,d')).toThrow('--only d: expected some of a,b,c');
});
