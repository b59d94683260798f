import { expect, test } from 'vitest';
import type { Conditions } from '../../configs/signals.ts';
import { tinyConfig } from '../../gpu-runner/training/testing/tiny.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { Dataset } from '../../storage/records.ts';
import { putModel } from '../operations/put-model.ts';
import { checkSignals } from './dataset-signals.ts';
import { findPoseWeights } from './pose-weights.ts';

const DIGEST = digestOf(Buffer.from('weights'));
const WEIGHTS = { detector: [DIGEST], pose: [DIGEST] };

/** A checkpoint of a model with these conditions. */
async function putCheckpoint(deps: ReturnType<typeof open>, conditions: Conditions): Promise<Digest> {
  const { digest: config } = await putDocument(deps.blobs, tinyConfig({ model: { conditions } }) as unknown as Json);
  const checkpoint = {
    ...{ v: 1, kind: 'checkpoint', step: 0, samples: 0, cursor: { epoch: 0, position: 0 }, rng_key: '7', config },
    ...{ tensors: { model: [], optimizer: [], ema: [] }, links: [config] },
  };
  return (await putDocument(deps.blobs, checkpoint)).digest;
}

function open() {
  const store = createMemoryStore();
  return { store, blobs: createBlobStore(store) };
}

test('a model whose poses came from elsewhere samples with the installed detector, one of dwpose with its own', async () => {
  const deps = open();
  const pose = { joints: 133, threshold: 0.05 } as const;
  const elsewhere = await putCheckpoint(deps, { pose });
  await expect(findPoseWeights(deps, elsewhere)).rejects.toThrow('the encoder dwpose needs weights');
  const file = (await deps.blobs.put(Buffer.from('onnx'))).digest;
  const installed = { detector: [file], pose: [file] };
  const license = { name: 'Apache-2.0', read_in: 'a letter' };
  await putModel(deps, 'dwpose', { v: 1, weights: installed, source: 'a friend', license });
  expect(await findPoseWeights(deps, elsewhere)).toEqual(installed);
  const own = await putCheckpoint(deps, { pose: { ...pose, encoder: 'dwpose', weights: WEIGHTS } });
  expect(await findPoseWeights(deps, own)).toBeUndefined();
  expect(await findPoseWeights(deps, await putCheckpoint(deps, {}))).toBeUndefined();
  await expect(findPoseWeights(deps, 'nobody')).rejects.toMatchObject({ status: 404 });
});

test('a config that names no encoder of poses takes the poses of any, and one that does takes only its own', () => {
  const dataset = {
    pages: [{ items: DIGEST, columns: { image: DIGEST, pose: DIGEST } }],
    encoders: { pose: { name: 'dwpose', joints: 133, joint_score: 0.3, person_score: 0.3, weights: WEIGHTS } },
    counts: { train: 1 },
  } as unknown as Dataset;
  const check = (pose: Conditions['pose']) => () => checkSignals({ pose }, dataset);
  const plain = { joints: 133, threshold: 0.2 } as const;
  const own = { ...plain, encoder: 'dwpose', joint_score: 0.3, person_score: 0.3, weights: WEIGHTS };
  expect(check(plain)).not.toThrow();
  expect(check(own)).not.toThrow();
  expect(check({ ...own, joint_score: 0.4 })).toThrow('the config is conditioned on pose');
  expect(check({ ...own, weights: { ...WEIGHTS, pose: [`sha256:${'2'.repeat(64)}`] } })).toThrow('conditioned on pose');
  const drawn = { ...dataset, encoders: {} } as Dataset;
  expect(() => checkSignals({ pose: plain }, drawn)).not.toThrow();
  expect(() => checkSignals({ pose: own }, drawn)).toThrow('the config is conditioned on pose');
});
