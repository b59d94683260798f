import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { OPS } from '../gpu-runner/compiler/ops.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import { ENGINE_ROWS } from '../gpu-runner/engines/testing/conformance.ts';
import { wrapRuns } from '../gpu-runner/engines/testing/wrap-runs.ts';
import { formatConformance, measureEngine } from './make-conformance-table.ts';

const page = readFileSync(new URL('../docs/conformance.md', import.meta.url), 'utf8');
const rows = new Set([...page.matchAll(/^\| (.+?) +\|/gm)].map(match => match[1]));

it('has a row for every operation and a line for every engine', () => {
  // These two are no computation: every case has inputs, and state has tests of its own.
  const operations = Object.keys(OPS).filter(op => op !== 'input' && op !== 'state');
  const missing = [...operations, ...ENGINE_ROWS.map(({ name }) => name)].filter(name => !rows.has(name));
  expect(missing, 'run node tools/make-conformance-table.ts').toEqual([]);
});

it('tells no error above the tolerance', () => {
  expect(page).not.toMatch(/Infinity|NaN/);
});

it('takes the worst case of a row', async () => {
  const reference = createReferenceEngine();
  // Off by a thousandth of what it should be, in gradients only.
  const skewed = wrapRuns(reference, run => async (state, inputs) => {
    const { y, ...gradients } = await run(state, inputs);
    for (const { data } of Object.values(gradients)) for (const [i, x] of data.entries()) data[i] = x * 1.001;
    return { ...(y && { y }), ...gradients };
  });
  const errors = await measureEngine(skewed, reference);
  expect(errors.get('exp')?.forward).toBe(0);
  expect(errors.get('exp')?.gradient).toBeCloseTo(1e-3, 6);
  expect(errors.get('cast')).toEqual({ forward: 0 });
  const status = { name: 'skewed', available: true, version: '1', device: 'CPU' };
  const short = { name: 'skewed', precision: 'bf16' } as const;
  const column = { ...short, errors: await measureEngine(skewed, reference, 'bf16') };
  expect(column.errors.has('exp')).toBe(false);
  expect(column.errors.get('matmul')?.forward).toBeGreaterThan(2 ** -12);
  const table = formatConformance(
    [{ name: 'skewed', tolerance: 1e-6, status, errors }],
    [column, { name: 'other', precision: 'f16', errors: undefined }],
  );
  expect(table).toMatch(/^\| exp +\| exact +\| 1\.0e-3 +\|$/m);
  expect(table).toMatch(/^\| cast +\| exact +\| - +\|$/m);
  expect(table).toMatch(/^\| products of +\| skewed bf16 \| gradient \|$/m);
  expect(table).toContain('Not measured, since the device does not offer it: other in f16.');
});
