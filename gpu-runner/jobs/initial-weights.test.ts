import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { Tensor } from '../compiler/tensor.ts';
import { traceGradGraph } from '../training/grad-graph.ts';
import { initialTensors } from '../training/load-state.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { saveCheckpoint } from './checkpoints.ts';
import { makeInitialWeights } from './initial-weights.ts';

const blobs = createBlobStore(createMemoryStore());
const PICTURE = { width: 32, height: 16 };

/** The tensors of a training at step 0, as the trainer makes them: without other weights. */
function startOf(config: ReturnType<typeof tinyConfig>) {
  const shape = { batch: 4, height: 16, width: 16, textTokens: 8 };
  const { params: specs, fixed } = traceGradGraph(config, shape, { accumulate: false });
  return initialTensors({ specs, fixed, config, scalesLoss: false });
}

const numbers = (weights: Readonly<Record<string, Tensor>>) =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, [shape, Buffer.from(data.buffer).toString('hex')]]),
  );

const CONDITIONS = { text: { encoder: 'words', dim: 6, tokens: 8 } };

test.each([
  ['all signals', {}],
  ['text alone, another start', { model: { conditions: CONDITIONS, init: 'xavier', zero_init: false } }],
  ['no signals, adapters', { model: { conditions: {}, lora: { rank: 2, alpha: 2 } } }],
])('initial weights are those with which a training begins: %s', async (_, changes) => {
  const config = tinyConfig(changes);
  const made = await makeInitialWeights(blobs, config, PICTURE);
  expect(Object.keys(made).length).toBeGreaterThan(10);
  expect(numbers(made)).toEqual(numbers(startOf(config).model));
});

test('a training that begins with the weights of another one has those, but for what is drawn anew', async () => {
  const other = tinyConfig();
  const { digest } = await putDocument(blobs, other);
  const tensors = startOf({ ...other, seed: 8 });
  const progress = { step: 3, samples: 12, cursor: { epoch: 0, position: 0 } };
  const checkpoint: Digest = (await saveCheckpoint(blobs, progress, async group => tensors[group], digest, 8)).ref
    .digest;
  const config = { ...tinyConfig(), init_from: { checkpoint, weights: 'raw' as const, fresh: ['blocks.1.*'] } };
  const made = numbers(await makeInitialWeights(blobs, config, PICTURE));
  const [before, drawn] = [numbers(tensors.model), numbers(startOf(tinyConfig()).model)];
  const name = 'mlp.up';
  expect(made[`blocks.0.${name}`]).toEqual(before[`blocks.0.${name}`]);
  expect(made[`blocks.1.${name}`]).toEqual(drawn[`blocks.1.${name}`]);
  expect(drawn[`blocks.0.${name}`]).not.toEqual(before[`blocks.0.${name}`]);
});
