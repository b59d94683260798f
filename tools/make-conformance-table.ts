/**
 * @file Runs every case on every available engine and writes docs/conformance.md:
 * `node tools/make-conformance-table.ts`.
 */
import { writeFileSync } from 'node:fs';
import type { Precision } from '../configs/engines.ts';
import type { Engine, EngineProbe } from '../gpu-runner/compiler/engine.ts';
import { OP_CASES, type OpCase } from '../gpu-runner/compiler/testing/cases.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import {
  ENGINE_ROWS,
  measureCase,
  PRODUCT_CASES,
  SHORT_TOLERANCES,
  type ShortPrecision,
} from '../gpu-runner/engines/testing/conformance.ts';

/** Largest errors of the cases of one row; `gradient` is absent where no input has one. */
export interface RowErrors {
  readonly forward: number;
  readonly gradient?: number;
}

export interface EngineColumn {
  readonly name: string;
  readonly status: EngineProbe;
  readonly tolerance: number;
  /** By row, as {@link rowOf} names them; empty when the engine is not available. */
  readonly errors: ReadonlyMap<string, RowErrors>;
}

/** Errors of an engine whose matrix products are in a short format. */
export interface ShortColumn {
  readonly name: string;
  readonly precision: ShortPrecision;
  /** Undefined: this machine cannot. */
  readonly errors: ReadonlyMap<string, RowErrors> | undefined;
}

/** Cases of an operation share a row; a composite has its own. */
export function rowOf({ op, name }: OpCase): string {
  return op === 'composite' ? name : op;
}

/** Largest error of each row; below f32, of the cases with matrix products. */
export async function measureEngine(
  engine: Engine,
  reference: Engine,
  precision: Precision = 'f32',
): Promise<Map<string, RowErrors>> {
  const rows = new Map<string, RowErrors>();
  for (const testCase of precision === 'f32' ? OP_CASES : PRODUCT_CASES) {
    const { y = Infinity, ...gradients } = await measureCase(engine, reference, testCase, precision);
    const before = rows.get(rowOf(testCase));
    const values = [...Object.values(gradients), ...(before?.gradient === undefined ? [] : [before.gradient])];
    rows.set(rowOf(testCase), {
      forward: Math.max(y, before?.forward ?? 0),
      ...(values.length > 0 && { gradient: Math.max(...values) }),
    });
  }
  return rows;
}

/** The page, as Markdown. */
export function formatConformance(columns: readonly EngineColumn[], shortColumns: readonly ShortColumn[]): string {
  const present = columns.filter(({ status }) => status.available);
  const list = (isWanted: (testCase: OpCase) => boolean) => [...new Set(OP_CASES.filter(isWanted).map(rowOf))];
  const table = (kind: string, rows: readonly string[]) =>
    formatTable([
      [kind, ...present.flatMap(({ name }) => [name, 'gradient'])],
      ...rows.map(row => [row, ...present.flatMap(({ errors }) => formatErrors(errors.get(row)))]),
    ]);
  return `# Conformance of the engines

Largest error of each engine against the reference interpreter (f64 inside). An error is that of one element, relative
to the largest element of its tensor. The column of an engine shows the error of the result; the column \`gradient\`
beside it shows the error of the gradients of a weighted sum of the result. A row takes the worst of its cases, odd
shapes and broadcasting included. \`node tools/make-conformance-table.ts\` writes this page. Every run
of \`npm test\` holds the same cases to the tolerances below.

${formatTable([
  ['engine', 'tolerance', 'made with'],
  ...columns.map(({ name, tolerance, status }) => [name, tolerance.toExponential(), describe(status)]),
])}

${table(
  'operation',
  list(({ op }) => op !== 'composite'),
)}

${table(
  'composite',
  list(({ op }) => op === 'composite'),
)}

## Matrix products in a short format

Operations that contain matrix products, with operands and results of the products rounded to bf16 or f16
(\`compiler/passes/mixed-precision.ts\`) and everything else in f32, against the reference in f32. The engine \`reference\`
rounds as well, so it shows the error that the format causes on any engine. Tolerances:
${Object.entries(SHORT_TOLERANCES)
  .map(([precision, tolerance]) => `${precision} ${tolerance.toExponential(1)}`)
  .join(', ')}.${formatMissing(shortColumns.filter(({ errors }) => errors === undefined))}

${formatShort(shortColumns, [...new Set(PRODUCT_CASES.map(rowOf))])}
`;
}

function formatMissing(columns: readonly ShortColumn[]): string {
  if (columns.length === 0) return '';
  const names = columns.map(({ name, precision }) => `${name} in ${precision}`);
  return `\nNot measured, since the device does not offer it: ${names.join(', ')}.`;
}

function formatShort(columns: readonly ShortColumn[], rows: readonly string[]): string {
  const measured = columns.filter(({ errors }) => errors !== undefined);
  return formatTable([
    ['products of', ...measured.flatMap(({ name, precision }) => [`${name} ${precision}`, 'gradient'])],
    ...rows.map(row => [row, ...measured.flatMap(({ errors }) => formatErrors(errors?.get(row)))]),
  ]);
}

function formatErrors(errors: RowErrors | undefined): [string, string] {
  return [formatError(errors?.forward), formatError(errors?.gradient)];
}

function formatError(error: number | undefined): string {
  if (error === undefined) return '-';
  return error === 0 ? 'exact' : error.toExponential(1);
}

function describe({ available, version, device, reason }: EngineProbe): string {
  return available ? `${version ?? '-'}, ${device ?? '-'}` : `not measured: ${reason ?? 'unknown reason'}`;
}

function formatTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map(row => row.map(cell => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')));
  const [header = []] = cells;
  const widths = header.map((_, column) => Math.max(3, ...cells.map(row => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [header, widths.map(width => '-'.repeat(width)), ...cells.slice(1)].map(line).join('\n');
}

async function measureAll(): Promise<[EngineColumn[], ShortColumn[]]> {
  const reference = createReferenceEngine();
  const columns: EngineColumn[] = [];
  const shortColumns: ShortColumn[] = [];
  for (const precision of ['bf16', 'f16'] as const) {
    shortColumns.push({
      name: 'reference',
      precision,
      errors: await measureEngine(reference, reference, precision),
    });
  }
  for (const { name, tolerance, shortPrecisions, probe, open } of ENGINE_ROWS) {
    const status = await probe();
    const measure = async (precision: Precision) => {
      const engine = await open(precision);
      try {
        return await measureEngine(engine, reference, precision);
      } finally {
        await engine.dispose();
      }
    };
    columns.push({ name, tolerance, status, errors: status.available ? await measure('f32') : new Map() });
    for (const precision of shortPrecisions) {
      const isOffered = status.available && status.precisions?.includes(precision);
      shortColumns.push({ name, precision, errors: isOffered ? await measure(precision) : undefined });
    }
  }
  return [columns, shortColumns.toSorted((a, b) => a.precision.localeCompare(b.precision))];
}

if (import.meta.main) {
  const page = new URL('../docs/conformance.md', import.meta.url);
  writeFileSync(page, formatConformance(...(await measureAll())));
}
