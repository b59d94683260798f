import { expect, test } from 'vitest';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { wrapRuns } from '../engines/testing/wrap-runs.ts';
import { createMemorySource } from './source.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type StepReport, Trainer } from './trainer.ts';

interface MicroBatch {
  readonly height: number;
  readonly shares: readonly number[];
  readonly times: readonly number[];
  readonly losses: readonly number[];
}

const onnxRuntime = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));

/** Takes steps on five square pictures and one wide one, and remembers what each micro-batch was fed and gave. */
async function train(steps: number, data: object, microBatch: number) {
  const seen: MicroBatch[] = [];
  const engine = wrapRuns(onnxRuntime, run => async (state, inputs) => {
    const numbers = (name: string) => [...(inputs[name]?.data ?? [])];
    const [shares, times, height = 0] = [numbers('share'), numbers('t'), inputs.x0?.shape[2]];
    const outputs = await run(state, inputs);
    if (outputs.loss) seen.push({ height, shares, times, losses: [...outputs.loss.data] });
    return outputs;
  });
  const items = [...tinyItems(5), ...tinyItems(1, 8, 32).map(item => ({ ...item, id: 'wide' }))];
  const trainer = new Trainer(engine, tinyConfig({ data }), createMemorySource(items), microBatch, EMPTY_PROGRESS);
  const reports: StepReport[] = [];
  for (let i = 0; i < steps; i++) reports.push(await trainer.step());
  await trainer.dispose();
  return { reports, seen };
}

const flat = (parts: readonly (readonly number[])[]) => parts.flat();

test('an update has groups of several sizes, and its loss is the mean over the pictures that count', async () => {
  // An epoch has three groups: four squares; one square and three fillers; one wide picture and three fillers.
  const { reports, seen } = await train(3, { batch_size: 8, bucket_group: 4 }, 2);
  const updates = [0, 1, 2].map(i => seen.slice(4 * i, 4 * (i + 1)));
  expect(updates.map(parts => new Set(parts.map(({ height }) => height)).size).toSorted()).toContain(2);
  const counted = updates.map(parts => flat(parts.map(({ shares }) => shares)).filter(share => share > 0).length);
  expect(counted.reduce((sum, count) => sum + count, 0)).toBe(2 * 6);
  for (const [i, parts] of updates.entries()) {
    const [shares, losses] = [flat(parts.map(each => each.shares)), flat(parts.map(each => each.losses))];
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6);
    const mean = losses.filter((_, k) => (shares[k] ?? 0) > 0).reduce((sum, x) => sum + x, 0) / (counted[i] ?? 0);
    expect(reports[i]?.loss).toBeCloseTo(mean, 5);
  }
});

test('a step reports the loss by time, of the pictures that count', async () => {
  const { reports, seen } = await train(1, { batch_size: 8, bucket_group: 4 }, 4);
  const [shares, losses] = [flat(seen.map(each => each.shares)), flat(seen.map(each => each.losses))];
  const bins = new Map<string, number[]>();
  for (const [i, t] of flat(seen.map(each => each.times)).entries()) {
    if (shares[i] === 0) continue;
    const bin = Math.floor(t * 5);
    const name = `loss_t/${(bin / 5).toFixed(1)}-${((bin + 1) / 5).toFixed(1)}`;
    bins.set(name, [...(bins.get(name) ?? []), losses[i] ?? Number.NaN]);
  }
  const expected = [...bins].map(([name, values]) => [name, values.reduce((sum, x) => sum + x, 0) / values.length]);
  const actual = Object.entries(reports[0] ?? {}).filter(([name]) => name.startsWith('loss_t/'));
  expect(Object.fromEntries(actual)).toEqual(
    Object.fromEntries(expected.map(([name, value]) => [name, expect.closeTo(Number(value), 5)])),
  );
  expect(bins.size).toBeGreaterThan(1);
});

test('a micro-batch that does not divide the group is refused', async () => {
  await expect(train(1, { batch_size: 8, bucket_group: 2 }, 4)).rejects.toThrow(
    'micro_batch 4 does not divide 2, the samples that have one size',
  );
});
