/** @file `node tools/make-conformance-table.ts` runs every case on every engine that is available and writes docs/conformance.md. */
import { writeFileSync } from 'node:fs';
import type { Engine, EngineProbe } from '../gpu-runner/compiler/engine.ts';
import { OP_CASES, type OpCase } from '../gpu-runner/compiler/testing/cases.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import { ENGINE_ROWS, measureCase } from '../gpu-runner/engines/testing/conformance.ts';

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

/** Cases of an operation share a row; a composite has its own. */
export function rowOf({ op, name }: OpCase): string {
  return op === 'composite' ? name : op;
}

/** Largest error of each row. */
export async function measureEngine(engine: Engine, reference: Engine): Promise<Map<string, RowErrors>> {
  const rows = new Map<string, RowErrors>();
  for (const testCase of OP_CASES) {
    const { y = Infinity, ...gradients } = await measureCase(engine, reference, testCase);
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
export function formatConformance(columns: readonly EngineColumn[]): string {
  const present = columns.filter(({ status }) => status.available);
  const list = (isWanted: (testCase: OpCase) => boolean) => [...new Set(OP_CASES.filter(isWanted).map(rowOf))];
  const table = (kind: string, rows: readonly string[]) =>
    formatTable([
      [kind, ...present.flatMap(({ name }) => [name, 'gradient'])],
      ...rows.map(row => [row, ...present.flatMap(({ errors }) => formatErrors(errors.get(row)))]),
    ]);
  return `# Conformance of the engines

Largest error of an element, relative to the largest element of its tensor, against the reference interpreter (f64 inside): first of the
result, then of the gradients of a weighted sum of it. A row takes the worst of its cases, odd shapes and broadcasting included. Made by
\`node tools/make-conformance-table.ts\`; every run of \`npm test\` holds the same cases to the tolerances below.

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
`;
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

async function measureAll(): Promise<EngineColumn[]> {
  const reference = createReferenceEngine();
  const columns: EngineColumn[] = [];
  for (const { name, tolerance, probe, open } of ENGINE_ROWS) {
    const status = await probe();
    let errors = new Map<string, RowErrors>();
    if (status.available) {
      const engine = await open();
      errors = await measureEngine(engine, reference);
      await engine.dispose();
    }
    columns.push({ name, tolerance, status, errors });
  }
  return columns;
}

if (import.meta.main) {
  const page = new URL('../docs/conformance.md', import.meta.url);
  writeFileSync(page, formatConformance(await measureAll()));
}
