/** The whole way from pictures to REPA: a DINOv3 of one block with random weights, a basis for it, int8, a training. */
import { beforeAll, expect, test } from 'vitest';
import { DINO_NETS } from '../configs/dino.ts';
import { type KeyedConfig, keyedConfigSchema } from '../configs/schema.ts';
import { fromF16Bits } from '../formats/half.ts';
import { decodeNpyList, encodeNpy } from '../formats/npy.ts';
import { decodeSafetensors, encodeSafetensors } from '../formats/safetensors.ts';
import type { EncodableTensor } from '../formats/tensor.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { dinoEncoder } from '../gpu-runner/encoders/dino.ts';
import { createOnnxRuntimeEngine } from '../gpu-runner/engines/onnxruntime/engine.ts';
import { compileOnce } from '../gpu-runner/engines/testing/compile-once.ts';
import { openColumnSource } from '../gpu-runner/jobs/column-source.ts';
import type { JobContext } from '../gpu-runner/jobs/context.ts';
import { createEncodeJob } from '../gpu-runner/jobs/encode.ts';
import { createTrainChunkJob } from '../gpu-runner/jobs/train-chunk.ts';
import type { TrainChunkJob } from '../gpu-runner/protocol.ts';
import { tinyConfig } from '../gpu-runner/training/testing/tiny.ts';
import { RandomStream } from '../numerics/random-stream.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { decodeSignalMember } from '../storage/blobs/column-member.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { createRefs } from '../storage/names/refs.ts';
import type { Dataset } from '../storage/records.ts';
import { completeLosses } from './experiments/complete-losses.ts';
import { offeredConditions } from './experiments/dataset-signals.ts';
import { putModel } from './operations/put-model.ts';
import { createEncodeRunner } from './testing/encode-runner.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';

const NAME = 'dinov3-vits16';
const net = DINO_NETS.find(({ name }) => name === NAME);
if (net === undefined) throw new Error(`there is no ${NAME}`);
const ENGINE = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;
/** 16 patches of each picture: 24 pictures have more than 256. */
const CALL = { source: 'portraits', size: 32, seed: 5, count: 24, stride: 8, image_encoders: [NAME] } as const;

/** Bound of what the rounding of 384 features changes in a coordinate. */
const FLOAT16 = 1e-3;

const store = createMemoryStore();
const blobs = createBlobStore(store);
const engine = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));
const ctx: JobContext = {
  blobs,
  engine: async () => engine,
  openSource: (options, onPage) => openColumnSource(blobs, { ...options, budgetBytes: 2 ** 24 }, onPage),
  progress: () => {},
  breathe: async () => 'continue',
};
const encode = createEncodeJob({ [NAME]: dinoEncoder({ ...net, blocks: 1 }) });
const runner = createEncodeRunner(job => encode(ctx, job), ENGINE);

/** A file of the hub, of a network with one block and inner layers of 64. */
function randomWeights({ hidden, patch }: { readonly hidden: number; readonly patch: number }): Uint8Array {
  const random = new RandomStream(1, 'sample');
  const tensors: Record<string, EncodableTensor> = {};
  const put = (name: string, shape: readonly number[], next: () => number) => {
    const data = Float32Array.from({ length: shape.reduce((all, size) => all * size, 1) }, next);
    tensors[name] = { dtype: 'f32', shape, data };
  };
  const matrix = (name: string, outputs: number, inputs: number) =>
    put(`${name}.weight`, [outputs, inputs], () => (2 * random.uniform() - 1) * Math.sqrt(3 / inputs));
  const norm = (name: string) => {
    put(`${name}.weight`, [hidden], () => 1);
    put(`${name}.bias`, [hidden], () => 0);
  };
  put('embeddings.patch_embeddings.weight', [hidden, 3, patch, patch], () => (2 * random.uniform() - 1) / patch);
  put('embeddings.patch_embeddings.bias', [hidden], () => 0);
  put('embeddings.cls_token', [1, 1, hidden], () => random.uniform());
  for (const part of ['q', 'k', 'v', 'o']) matrix(`layer.0.attention.${part}_proj`, hidden, hidden);
  matrix('layer.0.mlp.up_proj', 64, hidden);
  matrix('layer.0.mlp.down_proj', hidden, 64);
  for (const name of ['layer.0.norm1', 'layer.0.norm2', 'norm']) norm(name);
  return encodeSafetensors(tensors);
}

function widened(data: Float32Array | Uint16Array): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data, fromF16Bits);
}

/** 12 steps on the dataset. */
async function train(dataset: Dataset, config: KeyedConfig) {
  const job: TrainChunkJob = {
    kind: 'train-chunk',
    from: 0,
    to: 12,
    engine: ENGINE,
    plan: { micro_batch: 4, gradient_checkpointing: false },
    dataset: (await putDocument(blobs, dataset)).digest,
    config: (await putDocument(blobs, config)).digest,
  };
  const { outputs } = await createTrainChunkJob()(ctx, job);
  const log = Buffer.from(await blobs.get(outputs.log?.digest as Digest)).toString();
  const lines = log
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as Readonly<Record<string, number>>);
  return { checkpoint: outputs.checkpoint?.digest, lines };
}

let lab: PictureLab;
let reduced: Dataset;
let whole: Dataset;

async function prepare(dataset: string, more: object = {}): Promise<Dataset> {
  await lab.executor.callEffect('prepare', { ...CALL, dataset, ...more });
  return lab.dataset((await createRefs(store).datasets.read(dataset))?.value.dataset as Digest);
}

async function patchesOf({ pages }: Dataset) {
  return readColumn(await blobs.get(pages[0]?.columns.patches as Digest));
}

beforeAll(async () => {
  lab = createPictureLab({ store, runner });
  const license = { name: 'MIT', read_in: 'a letter' };
  const model = [(await blobs.put(randomWeights(net))).digest];
  await putModel({ store, blobs }, NAME, { v: 1, weights: { model }, source: 'a friend', license });
  reduced = await prepare('reduced', { pca: 256 });
  whole = await prepare('whole');
});

test('stored patches are the coordinates of whole ones along the fitted basis, within half a step', async () => {
  const { weights } = offeredConditions(reduced).patches ?? {};
  const { mean, basis } = decodeSafetensors(await blobs.get(weights?.pca?.[0] as Digest)).tensors;
  const [small, full] = [await patchesOf(reduced), await patchesOf(whole)];
  expect([...small.keys()]).toEqual([...full.keys()]);
  const [name = '', bytes = new Uint8Array()] = [...small][3] ?? [];
  const [numbers, steps] = decodeNpyList(bytes);
  expect([numbers?.dtype, numbers?.shape, steps?.dtype, steps?.shape]).toEqual(['i8', [4, 4, 256], 'f32', [256]]);
  const stored = decodeSignalMember(bytes, name).data;
  const features = widened(decodeSignalMember(full.get(name) ?? new Uint8Array(), name).data);
  expect(steps!.data[0]! / FLOAT16).toBeGreaterThan(10);
  let [worst, most] = [0, 0];
  for (let at = 0; at < stored.length; at++) {
    const [cell, k] = [Math.floor(at / 256), at % 256];
    let exact = 0;
    for (let i = 0; i < 384; i++) {
      exact += (features[cell * 384 + i]! - mean!.data[i]!) * basis!.data[i * 256 + k]!;
    }
    const step = steps!.data[k]!;
    const cut = Math.min(127 * step, Math.max(-127 * step, exact));
    // Whole features are rounded to float16.
    worst = Math.max(worst, (Math.abs(cut - stored[at]!) - FLOAT16) / step);
    most = Math.max(most, Math.abs(exact) / step);
  }
  expect(most).toBeGreaterThan(20);
  expect(worst).toBeLessThan(0.51);
});

test('a training with repa reads them: it ends as one on the same numbers in float32', async () => {
  const { text, cls } = offeredConditions(reduced);
  const base = tinyConfig({
    model: { depth: 1, patch_size: 8, conditions: { text, cls } },
    objective: { losses: { repa: { weight: 0.5 } } },
    optimizer: { total_samples: 400, warmup_samples: 8, learning_rate: 1e-2 },
  });
  const losses = completeLosses(base, reduced, [{ width: 32, height: 32 }]);
  const config = keyedConfigSchema.parse({ ...base, objective: { ...base.objective, ...losses } });
  expect(config.objective.losses?.repa).toMatchObject({ column: { encoder: NAME, dim: 256, stride: 8 } });

  const members = [...(await patchesOf(reduced))].map(([name, bytes]) => {
    const { shape, data } = decodeSignalMember(bytes, name);
    if (!(data instanceof Float32Array)) throw new Error('int8 is read as f32');
    return [name, encodeNpy({ dtype: 'f32', shape, data })] as const;
  });
  const patches = (await blobs.put(packColumn(new Map(members)))).digest;
  const plain = { ...reduced, pages: reduced.pages.map(page => ({ ...page, columns: { ...page.columns, patches } })) };
  const [first, second] = [await train(reduced, config), await train(plain, config)];
  expect(first.checkpoint).toBe(second.checkpoint);
  const repa = first.lines.map(line => line['loss/repa'] ?? Number.NaN);
  expect(repa).toHaveLength(12);
  // 1 - the cosine: features that are not known yet are as good as orthogonal.
  expect(repa[0]).toBeGreaterThan(0.8);
  expect(repa[0]).toBeLessThan(1.2);
  expect(Math.min(...repa.slice(8))).toBeLessThan(0.9 * repa[0]!);
});
