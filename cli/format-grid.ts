/** @file What a grid or a sweep found, as a table for a terminal and as a page in Markdown. */
import type { GridResult } from '../configs/grid.ts';
import { quantity } from '../configs/quantity.ts';
import type { SweepResult } from '../configs/sweep.ts';
import { formatNumber } from './eta.ts';

const HEAD = [
  'arm',
  'seed',
  'steps',
  'seconds',
  'CPU seconds',
  'steps/s',
  'memory GB',
  'planned GB',
  'loss',
  'held-out loss',
];

/** Rows of text, the head first. A number that is not known is a dash. */
export function gridRows({ runs }: GridResult): string[][] {
  const show = (value: number | undefined) => (value === undefined ? '-' : formatNumber(value));
  return [
    HEAD,
    ...runs.map(run => [
      run.arm,
      String(run.seed),
      run.problem === undefined ? String(run.steps) : `${run.steps}, ${run.state}`,
      show(run.seconds),
      show(run.processor_seconds),
      show(run.steps_per_second),
      show(run.memory_gb),
      show(run.planned_memory_gb),
      show(run.loss),
      show(run.held_out_loss),
    ]),
  ];
}

/** Best first within a rung. Keys with one value have no column. */
export function sweepRows({ rungs }: SweepResult): string[][] {
  const all = rungs.flatMap(({ runs }) => runs.map(({ values }) => values));
  const isTried = (key: string) => new Set(all.map(values => JSON.stringify(values[key]))).size > 1;
  const keys = Object.keys(all[0] ?? {}).filter(isTried);
  const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  return [
    ['steps', ...keys, 'held-out loss', 'goes on', 'experiment'],
    ...rungs.flatMap(({ runs }) =>
      runs.map(({ steps, values, held_out_loss, goes_on, experiment }) => [
        String(steps),
        ...keys.map(key => show(values[key])),
        held_out_loss === null ? 'diverged' : formatNumber(held_out_loss),
        goes_on ? 'yes' : '',
        experiment,
      ]),
    ),
  ];
}

/** One line: what it was trained on, and by. */
export function describeGround({ dataset, dataset_name, subset, engine }: Readonly<Record<string, unknown>>): string {
  const part = subset as { readonly size: number; readonly of: number } | undefined;
  const chosen = part ? `, ${part.size} of ${quantity(part.of, 'picture')}` : '';
  return `${dataset_name ?? dataset}${chosen}; ${engine}`;
}

/** A page for people: a heading, and the rows as a table. */
export function toMarkdown(title: string, lines: readonly string[], rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const row = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [
    `# ${title}`,
    '',
    ...lines.flatMap(wrap),
    '',
    row(head),
    row(head.map(() => '---')),
    ...body.map(row),
    '',
  ].join('\n');
}

const WIDTH = 120;

/** Lines of at most {@link WIDTH} characters, unless a word is longer. */
function wrap(line: string): string[] {
  const lines = [''];
  for (const word of line.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
