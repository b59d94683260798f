import { expect, test } from 'vitest';
import { groupSizeOf } from '../../configs/schema.ts';
import { takesAll } from '../../test/whole-suite.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { fewestRows, type Row } from './testing/covering-array.ts';
import { EXCLUDED, FACTORS, FEATURES, ROWS, switchOn } from './testing/switches.ts';
import { trainSwitched } from './testing/train-switched.ts';

/** Every pair of switches; or every switch, and the pairs of a few rows more. */
const TAKEN = takesAll('the pairs of switches of most rows')
  ? ROWS
  : [...new Set([...fewestRows(ROWS, FEATURES), ...ROWS.slice(0, 8)])];

const engine = createOnnxRuntimeEngine({ threads: 1 });
const title = (row: Row): string =>
  Object.entries(row)
    .filter(([factor, value]) => FACTORS[factor]?.[0] !== value)
    .map(([factor, value]) => `${factor} ${value}`)
    .join(', ');

test.each(TAKEN.map(row => [title(row), row] as const))('takes a step with %s', async (_, row) => {
  const switched = switchOn(row);
  // One micro-batch of each size: other tests cut updates, and each cut is a program more.
  const { reports, tensors, start } = await trainSwitched(engine, switched, [1], groupSizeOf(switched.config.data));
  expect(reports).toHaveLength(1);
  expect(reports[0]).toMatchObject({ skipped: false, loss: expect.any(Number) });
  expect(Number.isFinite(reports[0]?.grad_norm)).toBe(true);
  const all = Object.entries(tensors.model);
  for (const [name, { data }] of all) expect(data.every(Number.isFinite), name).toBe(true);
  expect(all.some(([name, { data }]) => data.some((x, i) => x !== start.model[name]?.data[i]))).toBe(true);
});

test.each(EXCLUDED)('%s and %s are refused together', (one, other, reason) => {
  const row = Object.fromEntries([one, other].map(cell => cell.split('=')));
  expect(() => switchOn(row)).toThrow(reason);
});
