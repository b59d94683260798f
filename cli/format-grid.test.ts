import { expect, test } from 'vitest';
import { gridRows, sweepRows, toMarkdown } from './format-grid.ts';

const RUN = { experiment: 'g-a-0', arm: 'A', seed: 0, state: 'done', steps: 8, samples: 64 };
const REPORT = { sentence: 'x', folder: 'reports/g/', html: 'sha256:0', report: 'sha256:1' };
const GROUND = { v: 1, name: 'g', dataset: 'sha256:2', engine: 'reference f32' } as const;

test('a grid is a table with a row for each run, and dashes for numbers that are not known', () => {
  const failed = { ...RUN, state: 'failed', problem: 'the training diverged', loss: 0.25 };
  const [head, one, other] = gridRows({ ...GROUND, kind: 'grid', runs: [RUN, failed], report: REPORT });
  expect(head?.slice(0, 3)).toEqual(['arm', 'seed', 'steps']);
  expect(one).toEqual(['A', '0', '8', ...Array(7).fill('-')]);
  expect(other?.slice(2)).toEqual(['8, failed', '-', '-', '-', '-', '-', '0.25', '-']);
});

test('a sweep is a table of its rungs, with a column for each key of several values', () => {
  const run = (rate: number, held_out_loss: number | null, goes_on: boolean) => ({
    ...{ experiment: `s-${rate}`, steps: 2, held_out_loss, goes_on },
    values: { rate, batch: 8 },
  });
  const rungs = [{ share: 0.5, runs: [run(1, 0.5, true), run(2, null, false)] }];
  expect(sweepRows({ ...GROUND, kind: 'sweep', rungs, report: REPORT })).toEqual([
    ['steps', 'rate', 'held-out loss', 'goes on', 'experiment'],
    ['2', '1', '0.5', 'yes', 's-1'],
    ['2', '2', 'diverged', '', 's-2'],
  ]);
});

test('a page in Markdown has a heading and a table whose cells cannot break it', () => {
  expect(toMarkdown('T', ['line'], [['a|b'], ['1']])).toBe('# T\n\nline\n\n| a\\|b |\n| --- |\n| 1 |\n');
});

test('long sentences of a page in Markdown are wrapped', () => {
  const page = toMarkdown('T', ['word '.repeat(50).trim()], [['a'], ['1']]);
  const lines = page.split('\n').slice(2, 5);
  expect(lines.map(line => line.length)).toEqual([119, 119, 9]);
});
