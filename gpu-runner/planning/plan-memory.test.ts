import { describe, expect, it } from 'vitest';
import { LARGEST_BATCH } from '../../configs/bounds.ts';
import { memoryPlanSchema } from '../../configs/memory-plan.ts';
import { countFlops } from '../compiler/flops.ts';
import { graphReads } from '../compiler/graph.ts';
import type { Planner } from '../compiler/planner.ts';
import { sizeOf } from '../compiler/tensor.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { type PlanRequest, planMemory } from './plan-memory.ts';
import { openPlanner } from './planners.ts';
import { bytesBeside, openPrograms } from './programs.ts';

const config = tinyConfig({ data: { batch_size: 8 } });
const frame = { height: 16, width: 16, textTokens: 8 };
const request: PlanRequest = {
  config,
  frame,
  previews: 3,
  memoryBytes: 2 ** 30,
  reserveBytes: 0,
  asked: {},
  largestMicroBatch: 64,
};

describe('the memory plan of a tiny training', () => {
  it('has the peaks of training, previews and samples, and the work, in the stored form', async () => {
    const planner = await openPlanner('reference', { precision: 'f32' });
    const plan = await planMemory(request, planner, 'reference 1');
    expect(memoryPlanSchema.parse(plan)).toEqual(plan);
    expect(plan).toMatchObject({ basis: 'predicted', fits: true, plan: { micro_batch: 8 } });
    const { training_bytes, state_bytes, preview_bytes, sampling_bytes } = plan.peak;
    expect(training_bytes).toBeGreaterThan(state_bytes);
    expect(preview_bytes - state_bytes).toBeGreaterThan(sampling_bytes);
    // Weights, gradients and one average, momentum of matrices and two moments of the rest: each twice.
    expect(state_bytes).toBeGreaterThan(2 * 4 * plan.parameters * 4);
    expect(state_bytes).toBeLessThan(2 * 5 * plan.parameters * 4);
    expect(plan.flops.executed).toBe(plan.flops.sample);
    expect(plan.flops.sample / plan.flops.forward).toBeCloseTo(3, 0);
    // The update reads and writes all of its state, and more.
    expect(plan.moved?.update).toBeGreaterThan(state_bytes / 2);
    expect(plan.moved?.micro_batch).toBeGreaterThan(0);
  });

  it('takes gradient checkpointing where nothing else fits, and counts what is computed again', async () => {
    const planner = await openPlanner('reference', { precision: 'f32' });
    const whole = await planMemory({ ...request, asked: { micro_batch: 8 } }, planner, '');
    const tight = { ...request, asked: { micro_batch: 8 }, memoryBytes: whole.peak.training_bytes - 1 };
    const plan = await planMemory(tight, planner, '');
    expect(plan.plan).toEqual({ micro_batch: 8, gradient_checkpointing: true });
    expect(plan.peak.training_bytes).toBeLessThan(whole.peak.training_bytes);
    expect(plan.flops.executed).toBeGreaterThan(1.1 * plan.flops.sample);
  });

  it('is made at once for the largest batch', async () => {
    const planner = await openPlanner('reference', { precision: 'f32' });
    const huge = { ...request, config: tinyConfig({ data: { batch_size: LARGEST_BATCH } }), largestMicroBatch: 4 };
    expect((await planMemory(huge, planner, '')).plan).toEqual({ micro_batch: 4, gradient_checkpointing: false });
  });

  it('counts the copies of a checkpoint where the memory is that of the machine', async () => {
    const planner: Planner = {
      basis: 'predicted',
      precision: 'f32',
      buffersPerState: 1,
      plan: async () => ({ peakBytes: 1000, sharedBytes: 600, ownBytes: 100 }),
    };
    const device = await planMemory(request, planner, '');
    const { peak } = await planMemory(request, { ...planner, isHost: true }, '');
    const { state } = openPrograms(config, frame, planner);
    const bytesOf = (prefix: string) =>
      [...state].filter(([name]) => name.startsWith(prefix)).reduce((sum, [, size]) => sum + size, 0);
    // A group as tensors, as bytes, and as bytes in the hands of the store; gradient and update keep 200 bytes.
    const copies = 3 * Math.max(bytesOf('model.'), bytesOf('optimizer.'), bytesOf('ema'));
    expect(peak.training_bytes).toBe(peak.state_bytes + 600 + 200 + copies);
    expect(device.peak.training_bytes).toBeLessThan(peak.training_bytes);
  });

  it('does not fit when the pictures beside the training do not fit, or nothing does', async () => {
    const planner: Planner = {
      basis: 'compiled',
      precision: 'bf16',
      buffersPerState: 1,
      plan: async graph => ({ peakBytes: Object.keys(graph.writes).length > 0 ? 1e6 : 1e9 }),
    };
    expect((await planMemory({ ...request, memoryBytes: 5e8 }, planner, '')).fits).toBe(false);
    expect((await planMemory({ ...request, memoryBytes: 2e9 }, planner, '')).fits).toBe(true);
    const none = await planMemory({ ...request, memoryBytes: 1000 }, planner, '');
    expect(none.fits).toBe(false);
    expect(none.tried.length).toBeLessThanOrEqual(3);
  });
});

describe.each(['f32', 'f16'] as const)('the programs of a training in %s', precision => {
  const programs = openPrograms(config, frame, { precision });
  const total = [...programs.state.values()].reduce((sum, size) => sum + size, 0);

  it('list all state that the update reads', () => {
    const reads = [...graphReads(programs.update())];
    expect(new Set(reads.map(([name]) => name))).toEqual(new Set(programs.state.keys()));
    for (const [name, { shape }] of reads) expect(programs.state.get(name), name).toBe(4 * sizeOf(shape));
  });

  it('leave beside the gradient what it does not hold: with one buffer each, with two', () => {
    const graph = programs.gradient({ micro_batch: 2, gradient_checkpointing: false });
    const of = (prefix: string) =>
      [...programs.state].filter(([name]) => name.startsWith(prefix)).reduce((sum, [, size]) => sum + size, 0);
    // In place: the old gradients stay until the new ones are there.
    const read = of('model.') + (precision === 'f16' ? 4 : 0);
    expect(bytesBeside(graph, programs.state, 1)).toBe(total - read);
    expect(bytesBeside(graph, programs.state, 2)).toBe(2 * total - read - 2 * of('grad.'));
    expect(bytesBeside(programs.update(), programs.state, 1)).toBe(0);
  });

  it('are those of the sampler: its work grows with the batch', () => {
    expect(countFlops(programs.predict(2)) / countFlops(programs.predict(1))).toBeCloseTo(2, 1);
  });
});

it('the plan of a routed training counts its mean work, and the memory of its largest phase', async () => {
  const planner = await openPlanner('reference', { precision: 'f32' });
  const planWith = (until?: number) => {
    const tread = until !== undefined && { tread: { first_block: 1, last_block: 2, until } };
    const changed = tinyConfig({ model: { depth: 4 }, objective: { ...tread }, data: { batch_size: 8 } });
    return planMemory({ ...request, config: changed, asked: { micro_batch: 8 } }, planner, '');
  };
  const [dense, routed, half] = [await planWith(), await planWith(1), await planWith(0.5)];
  expect(routed.flops.sample).toBeLessThan(0.95 * dense.flops.sample);
  expect(half.flops.sample).toBe((dense.flops.sample + routed.flops.sample) / 2);
  expect(routed.flops.forward).toBe(dense.flops.forward);
  expect(routed.peak.training_bytes).toBeLessThan(dense.peak.training_bytes);
  expect(half.peak.training_bytes).toBe(dense.peak.training_bytes);
  expect(routed.parameters).toBe(dense.parameters);
});
