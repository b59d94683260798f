/** @file Training on an engine that queues runs: the host makes the next inputs while the device works. */
import { expect, test } from 'vitest';
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Engine, Tensors } from '../compiler/engine.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { wrapRuns } from '../engines/testing/wrap-runs.ts';
import { tinyConfig, tinySource } from './testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from './trainer.ts';

const STEPS = 4;

/** Runs begin one after the other, in order, and a moment late. A run sees its inputs as they are then. */
function createQueue(engine: Engine) {
  let last: Promise<unknown> = Promise.resolve();
  let inFlight = 0;
  const most = { inFlight: 0 };
  const failures = { after: Number.POSITIVE_INFINITY };
  const queued = wrapRuns(engine, run => (state, inputs) => {
    most.inFlight = Math.max(most.inFlight, ++inFlight);
    const outputs = last.then(async () => {
      await new Promise(resolve => setImmediate(resolve));
      if (--failures.after < 0) throw new Error('the device is lost');
      return run(state, inputs);
    });
    last = outputs.catch(() => {}).finally(() => inFlight--);
    return outputs;
  });
  return { engine: { ...queued, tuning: { ...engine.tuning, queuesRuns: true } }, most, failures };
}

async function train(engine: Engine, config: KeyedConfig, steps: number) {
  const trainer = new Trainer(engine, config, tinySource(), 2, EMPTY_PROGRESS);
  const reports = [];
  for (let i = 0; i < steps; i++) {
    await trainer.ready();
    reports.push(await trainer.step());
  }
  const tensors = await trainer.tensors();
  await trainer.dispose();
  return { reports, bytes: Object.entries(tensors).flatMap(([group, members]) => bytesOf(group, members)) };
}

function bytesOf(group: string, tensors: Tensors): [string, string][] {
  return Object.entries(tensors).map(([name, { data }]) => [
    `${group}/${name}`,
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
  ]);
}

test('a training whose runs are queued has the same losses and the same bits', async () => {
  const config = tinyConfig({ model: { depth: 1 }, data: { batch_size: 6 } });
  const engine = createOnnxRuntimeEngine({ threads: 1 });
  const queue = createQueue(engine);
  const [expected, actual] = [await train(engine, config, STEPS), await train(queue.engine, config, STEPS)];
  expect(actual.reports).toEqual(expected.reports);
  expect(actual.bytes).toEqual(expected.bytes);
  // Two micro-batches, and the update after them.
  expect(queue.most.inFlight).toBe(3);
});

test('a step of which a queued run fails throws the failure, and the training has not moved', async () => {
  const config = tinyConfig({ model: { depth: 1 }, data: { batch_size: 6 } });
  const queue = createQueue(createOnnxRuntimeEngine({ threads: 1 }));
  const trainer = new Trainer(queue.engine, config, tinySource(), 2, EMPTY_PROGRESS);
  await trainer.step();
  const { progress } = trainer;
  for (const after of [0, 1, 2, 3]) {
    queue.failures.after = after;
    await expect(trainer.step()).rejects.toThrow('the device is lost');
    expect(trainer.progress).toEqual(progress);
  }
  await trainer.dispose();
});
