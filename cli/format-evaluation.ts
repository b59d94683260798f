/** @file The answer of `evaluate` as a table for a terminal: a row of pictures each, from drawn ones to noise. */
import { z } from 'zod';
import { type EvaluationRow, evaluationSchema } from '../configs/evaluation.ts';
import { labelOf } from '../configs/suite-files.ts';
import { formatFixed, formatTable } from './table.ts';

export const evaluatedSchema = z.looseObject({
  ...evaluationSchema.omit({ links: true }).shape,
  experiment: z.string(),
  step: z.int(),
  /** Digest of the whole table. */
  document: z.string(),
  folder: z.string().optional(),
  /** Steps of other checkpoints that the split `test` has judged before. */
  tested_before: z.array(z.int()).optional(),
});
export type Evaluated = z.infer<typeof evaluatedSchema>;

interface Column {
  readonly title: string;
  of(row: EvaluationRow): number | undefined;
  readonly digits: number;
}

const COLUMNS: readonly Column[] = [
  { title: 'KID', of: row => row.kid.mean, digits: 3 },
  { title: 'FD', of: row => row.fd, digits: 1 },
  { title: 'precision', of: row => row.precision, digits: 2 },
  { title: 'recall', of: row => row.recall, digits: 2 },
  { title: 'coverage', of: row => row.coverage, digits: 2 },
  { title: 'distance', of: row => row.distance?.mean, digits: 2 },
  { title: 'PSNR', of: row => row.fidelity?.psnr?.mean, digits: 1 },
  { title: 'SSIM', of: row => row.fidelity?.ssim?.mean, digits: 3 },
  { title: 'LPIPS', of: row => row.fidelity?.lpips?.mean, digits: 3 },
  { title: 'CMMD', of: row => row.cmmd, digits: 3 },
  { title: 'CLIPScore', of: row => row.clip?.score.mean, digits: 3 },
  { title: 'VQA yes', of: row => row.vqa?.right.mean, digits: 3 },
  { title: 'to another', of: row => row.vqa?.distractor.mean, digits: 3 },
  { title: 'PCK@.1', of: row => row.pose?.pck_10, digits: 2 },
  { title: 'OKS', of: row => row.pose?.oks?.mean, digits: 2 },
];

/** The lines of a terminal, without the place of the table. */
export function formatEvaluation(found: Evaluated): string[] {
  const { rows, missing, extractor, why_extractor: why, samples, split = 'val', experiment, step } = found;
  const attributes = [...new Set(rows.flatMap(row => Object.keys(row.attributes ?? {})))];
  const nets = [...new Set(rows.flatMap(row => Object.keys(row.lpips_nets ?? {})))];
  const columns: Column[] = [
    ...COLUMNS,
    ...nets.map(net => ({ title: net, of: (row: EvaluationRow) => row.lpips_nets?.[net]?.mean, digits: 3 })),
    ...attributes.map(title => ({ title, of: (row: EvaluationRow) => row.attributes?.[title]?.share, digits: 2 })),
    { title: 'edited', of: (row: EvaluationRow) => row.edited?.share, digits: 2 },
  ].filter(({ of }) => rows.some(row => of(row) !== undefined));
  const cells = rows.map(row => [titleOf(row), ...columns.map(({ of, digits }) => show(of(row), digits))]);
  return [
    `${experiment}, step ${step}: ${samples} held-out pictures in each row${split === 'val' ? '' : `, of the split ${split}`}`,
    ...describeSizes(found),
    `features by ${extractor}: ${why}`,
    '',
    ...formatTable([['', ...columns.map(({ title }) => title)], ...cells]).split('\n'),
    ...rows.flatMap(describeFloor),
    ...(missing.length > 0 ? [''] : []),
    ...(found.tested_before ? ['', describeTested(found.tested_before)] : []),
    ...missing.map(({ row, column, why: reason }) => `without ${row ?? column ?? 'a part'}: ${reason}`),
  ];
}

/** `pictures in pixels: 25 of 64 x 48, 6 of 48 x 64` */
function describeSizes({ sizes }: Evaluated): string[] {
  if (sizes === undefined) return [];
  const told = sizes.map(({ width, height, pictures }) => `${pictures} of ${width} x ${height}`);
  return [`pictures in pixels: ${told.join(', ')}`];
}

/** `drawn (text), the same from two noises: PSNR 12.1, SSIM 0.301` */
function describeFloor(row: EvaluationRow): string[] {
  if (row.noise_floor === undefined) return [];
  const { psnr, ssim, lpips } = row.noise_floor;
  const told = [
    ...(psnr ? [`PSNR ${formatFixed(psnr.mean, 1)}`] : []),
    ...(ssim ? [`SSIM ${formatFixed(ssim.mean, 3)}`] : []),
    ...(lpips ? [`LPIPS ${formatFixed(lpips.mean, 3)}`] : []),
  ];
  return ['', `${titleOf(row)}, the same from two noises: ${told.join(', ')}`];
}

function describeTested(steps: readonly number[]): string {
  return (
    `the split test judged step ${steps.join(', ')} before: what is chosen between them by these numbers is no longer ` +
    'held out'
  );
}

/** `drawn (text)`, `sweep (text, guidance 3, raw)` */
function titleOf({ row, condition, guidance, weights }: EvaluationRow): string {
  const said = [
    ...(condition === undefined ? [] : [condition]),
    ...(guidance === undefined ? [] : [`guidance ${guidance}`]),
    ...(weights === undefined ? [] : [labelOf(weights)]),
  ];
  return said.length === 0 ? row : `${row} (${said.join(', ')})`;
}

function show(value: number | undefined, digits: number): string {
  if (value === undefined) return '-';
  return formatFixed(value, digits);
}
