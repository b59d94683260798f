/** @file The answer of `validate` as a table for a terminal: scores with intervals, control rows, attributes. */
import { z } from 'zod';
import { joinWords } from '../configs/join-words.ts';
import { MEASURES, type MeasureName } from '../configs/picture-scores.ts';
import { quantity } from '../configs/quantity.ts';
import { labelOf } from '../configs/suite-files.ts';
import { type SuiteTest, suiteSchema } from '../configs/validation-suite.ts';
import { formatTable } from './table.ts';

export const validationSchema = z.looseObject({
  ...suiteSchema.omit({ drawn: true, links: true }).shape,
  experiment: z.string(),
  /** The whole document, also with the tests of earlier calls. */
  document: z.string(),
  folder: z.string().optional(),
});
export type Validation = z.infer<typeof validationSchema>;

/** Columns, and their digits behind the point. The other measures are in results.json. */
const DIGITS: Readonly<Partial<Record<MeasureName, number>>> = {
  lpips: 3,
  feature_distance: 3,
  color_distance: 1,
  ssim: 3,
  psnr: 1,
  pck: 2,
  clip_score: 3,
  vqa: 3,
  vqa_difference: 3,
};
const COLUMNS = Object.keys(DIGITS) as MeasureName[];

type Cells = Readonly<Partial<Record<MeasureName, Interval | undefined>>>;
interface Interval {
  readonly n: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Rows below a heading. */
interface Section {
  readonly heading: string;
  readonly rows: readonly { readonly label: string; readonly cells: Cells }[];
}

/** The lines of a terminal, without the place of the pictures. */
export function formatValidation(found: Validation): string[] {
  const { tests, controls, extractor, why_extractor: why, clip, vqa } = found;
  const made = tests.filter(({ skipped }) => skipped === undefined);
  const sections: Section[] = [
    ...made.filter(({ scores }) => scores.length > 0).map(describeTest),
    {
      heading: 'controls: no model drew them',
      rows: controls.map(({ score, summaries }) => ({ label: score, cells: summaries })),
    },
    ...listDrift(found),
  ];
  return [
    describeSettings(found),
    `features by ${extractor}: ${why}`,
    ...(clip ? [`fit of pictures and captions by ${clip}`] : []),
    ...(vqa ? [`yes to captions by ${vqa}`] : []),
    '',
    ...formatSections(sections.filter(({ rows }) => rows.length > 0)),
    ...formatAttributes(made),
    '',
    ...listRemarks(found),
  ];
}

function describeSettings({ experiment, step, pictures, seed, steps, guidance }: Validation): string {
  return `${experiment}, step ${step}: ${pictures} held-out pictures, seed ${seed}, ${steps} steps, guidance ${guidance}`;
}

function describeTest({ test, weights, about, scores, differences }: SuiteTest): Section {
  return {
    heading: `${test}, ${labelOf(weights)}: ${about}`,
    rows: [
      ...scores.map(({ score, summaries }) => ({ label: score, cells: summaries })),
      ...differences.map(({ difference, measures }) => ({ label: difference, cells: measures })),
    ],
  };
}

/** How the scores moved since the validation before. */
function listDrift({ drift }: Validation): Section[] {
  const moved = drift.flatMap(({ change, ...row }) => (change === undefined ? [] : [{ ...row, change }]));
  const sections = Map.groupBy(moved, ({ weights, change }) => `drift since step ${change.since}, ${labelOf(weights)}`);
  return [...sections].map(([heading, rows]) => ({
    heading,
    rows: [...Map.groupBy(rows, ({ test }) => test)].map(([label, scores]) => ({
      label,
      cells: Object.fromEntries(scores.map(({ measure, change }) => [measure, change])),
    })),
  }));
}

/** One table whose headings are as wide as they need. */
function formatSections(sections: readonly Section[]): string[] {
  const columns = COLUMNS.filter(measure =>
    sections.some(({ rows }) => rows.some(({ cells }) => cells[measure] !== undefined)),
  );
  const rows = sections.flatMap(({ rows }) =>
    rows.map(({ label, cells }) => {
      const most = Math.max(0, ...columns.map(measure => cells[measure]?.n ?? 0));
      const shown = columns.map(measure => formatInterval(cells[measure], DIGITS[measure] ?? 0, most));
      return [`  ${label}`, most === 0 ? '' : String(most), ...shown];
    }),
  );
  const [head = '', ...lines] = formatTable([['', 'n', ...columns], ...rows]).split('\n');
  return [head, ...sections.flatMap(({ heading, rows }) => [heading, ...lines.splice(0, rows.length)])];
}

/** @param n Pictures of the row: a measure of fewer says of how many. */
function formatInterval(interval: Interval | undefined, digits: number, n: number): string {
  if (interval === undefined) return '-';
  const [mean, low, high] = [interval.mean, interval.low, interval.high].map(value => value.toFixed(digits));
  return `${mean} [${low}, ${high}]${interval.n === n ? '' : ` of ${interval.n}`}`;
}

/** Pictures that show what they were asked for, of bundled sets. */
function formatAttributes(tests: readonly SuiteTest[]): string[] {
  const share = ({ right, of }: { readonly right: number; readonly of: number }) => `${right}/${of}`;
  const rows = tests.flatMap(({ test, weights, attributes = [] }) =>
    attributes.map(({ of, own, other = {}, edited }) => ({
      label: `  ${test}, ${labelOf(weights)}: ${of}`,
      counts: new Map([
        ...Object.entries(own).map(([key, count]) => [key, share(count)] as const),
        ...Object.entries(other).map(([key, count]) => [`${key} of B`, share(count)] as const),
        ...(edited === undefined ? [] : [['edited', share(edited)] as const]),
      ]),
    })),
  );
  if (rows.length === 0) return [];
  const names = [...new Set(rows.flatMap(({ counts }) => [...counts.keys()]))];
  const head = ['attributes that are shown', ...names];
  const lines = rows.map(({ label, counts }) => [label, ...names.map(name => counts.get(name) ?? '-')]);
  return ['', ...formatTable([head, ...lines]).split('\n')];
}

/** How to read the table, and what is missing in it. */
function listRemarks({ tests, controls }: Validation): string[] {
  const skipped = tests.flatMap(({ test, skipped }) =>
    skipped === undefined ? [] : [`${test} was left out: ${skipped}`],
  );
  const leftOut = tests.flatMap(({ test, left_out: left = [] }) =>
    left.map(
      ({ reason, pictures }) =>
        `${test} leaves out ${quantity(pictures, 'picture')}${pictures === 1 ? '' : ', each'} because ${reason}`,
    ),
  );
  const scored = [...tests.flatMap(({ scores }) => scores), ...controls];
  const finders = new Set(scored.flatMap(({ joints_by: by = [] }) => by));
  const missing = scored.flatMap(({ without = {} }) =>
    Object.entries(without).map(([measure, why]) => `without ${measure}: ${why}`),
  );
  const names = new Set(scored.flatMap(({ summaries }) => Object.keys(summaries) as MeasureName[]));
  const others = [...names].filter(name => !COLUMNS.includes(name));
  const rising = COLUMNS.filter(name => names.has(name) && MEASURES[name].alike === 'high');
  const falling = COLUMNS.filter(name => names.has(name) && MEASURES[name].alike === 'low');
  return [
    `means with intervals of 95 %; more alike: higher ${rising.join(', ')}, lower ${falling.join(', ')}`,
    ...(others.length > 0 ? [`results.json also has ${joinWords(others)}`] : []),
    ...[...finders].map(name => `joints were found by ${name}`),
    ...new Set([...skipped, ...leftOut, ...missing]),
  ];
}
