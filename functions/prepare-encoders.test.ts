/** @file `prepare` with an encoder that runs in the gpu-runner: its weights, its engine, and what is refused. */
import { beforeEach, expect, test } from 'vitest';
import { memberName } from '../configs/signals.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import type { EncodeJob, RunnerClient, RunnerStatus } from '../gpu-runner/protocol.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { encodeSignalMember } from '../storage/blobs/column-member.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { createRefs } from '../storage/names/refs.ts';
import { putModel } from './operations/put-model.ts';
import { createPictureLab } from './testing/pictures.ts';

const CALL = {
  dataset: 'p',
  source: 'portraits',
  size: 32,
  seed: 5,
  count: 70,
  image_encoders: ['efficientnet-lite0'],
} as const;
const ORT = { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 } as const;

/** A runner whose encoder makes zeros, with the engines that a test says. */
function createFakeRunner() {
  const store = createMemoryStore();
  const blobs = createBlobStore(store);
  const jobs: EncodeJob[] = [];
  let engines: RunnerStatus['engines'] = [{ name: 'onnxruntime/cpu', available: true, threads: 2 }];
  const runner: RunnerClient = {
    async run(_, job) {
      if (job.kind !== 'encode') throw new Error('only encode jobs are expected');
      jobs.push(job);
      const all = [...readColumn(await blobs.get(job.column)).keys()].map(name => name.split('.')[0] ?? '');
      const ids = job.sample?.ids ?? all;
      if (job.sample) {
        // Eight different vectors of each picture.
        const data = Float32Array.from({ length: 8 * 256 }, (_, i) => Math.sin(i * i));
        const patches = ids.map(id => encodeSignalMember('patches', id, { shape: [8, 256], data }));
        const packed = packColumn(new Map(patches));
        return { outputs: { patches: await blobs.put(packed, 'application/x-tar') }, links: [], stats: {} };
      }
      const { stride } = job.options as { readonly stride: number };
      const side = 32 / stride;
      const columns = {
        cls: ids.map(id => encodeSignalMember('cls', id, { shape: [1280], data: new Float32Array(1280) })),
        patches: ids.map(id =>
          encodeSignalMember('patches', id, {
            shape: [side, side, 112],
            data: new Float32Array(side * side * 112),
          }),
        ),
      };
      const put = (members: (readonly [string, Uint8Array])[]) =>
        blobs.put(packColumn(new Map(members)), 'application/x-tar');
      return { outputs: { cls: await put(columns.cls), patches: await put(columns.patches) }, links: [], stats: {} };
    },
    status: async () => ({
      ...{ v: 1, pid: 1, uptime: 1, device: 'fake', heartbeat_age_ms: 0, running: null },
      ...{ queued: 0, finished: 0, stopping: false, engines },
    }),
  };
  return {
    store,
    blobs,
    jobs,
    runner,
    setEngines(given: RunnerStatus['engines']) {
      engines = given;
    },
  };
}

let fake: ReturnType<typeof createFakeRunner>;
let lab: ReturnType<typeof createPictureLab>;
let model: Digest[];
const prepare = (more: object = {}) => lab.executor.callEffect('prepare', { ...CALL, ...more });
const headOf = async (name: string) => (await createRefs(fake.store).datasets.read(name))?.value;

async function install() {
  const license = { name: 'MIT', read_in: 'a letter' };
  await putModel(fake, 'efficientnet-lite0', { v: 1, weights: { model }, source: 'a friend', license });
}

beforeEach(async () => {
  fake = createFakeRunner();
  lab = createPictureLab({ store: fake.store, runner: fake.runner });
  model = [(await fake.blobs.put(Buffer.from('weights'))).digest];
});

test('prepare finds the installed weights and an engine for an encoder that runs on one', async () => {
  await install();
  const answer = await prepare();
  expect(fake.jobs).toHaveLength(2);
  for (const job of fake.jobs) {
    expect(job).toMatchObject({
      encoder: 'efficientnet-lite0',
      reads: 'image',
      options: { stride: 8 },
      weights: { model },
      engine: ORT,
    });
  }
  expect(answer).toMatchObject({
    encoders: {
      cls: { name: 'efficientnet-lite0', dim: 1280, weights: { model } },
      patches: { name: 'efficientnet-lite0', dim: 112, stride: 8, weights: { model } },
    },
  });
  const head = await headOf('p');
  expect(head?.engine).toEqual(ORT);
  const { pages, links } = await lab.dataset(head?.dataset as Digest);
  expect(links).toEqual(expect.arrayContaining(model));
  expect(readColumn(await fake.blobs.get(pages[0]?.columns.cls as Digest)).size).toBe(64);
  const [first] = await lab.items(head?.dataset as Digest);
  expect(
    readColumn(await fake.blobs.get(pages[0]?.columns.patches as Digest)).has(memberName('patches', first?.id ?? '')),
  ).toBe(true);
});

test('prepare without installed weights says how to install them, before it imports anything', async () => {
  await expect(prepare()).rejects.toMatchObject({
    status: 422,
    message: 'the encoder efficientnet-lite0 needs weights, which are not installed',
    hint: 'install them: easel models install efficientnet-lite0',
  });
  expect(await headOf('p')).toBeUndefined();
  expect(fake.jobs).toEqual([]);
});

test('pictures that are added later are encoded on the engine of the earlier ones, unless another one is asked for', async () => {
  await install();
  await prepare();
  fake.setEngines([
    { name: 'openvino/cpu', available: true, threads: 4, precisions: ['bf16', 'f32'] },
    { name: 'onnxruntime/cpu', available: true, threads: 8 },
  ]);
  await prepare({ count: 72 });
  expect(fake.jobs.map(({ engine }) => engine)).toEqual([ORT, ORT, ORT]);
  // A dataset of its own has no earlier engine.
  await prepare({ dataset: 'q' });
  const fast = { name: 'openvino/cpu', precision: 'bf16', threads: 4 };
  expect((await headOf('q'))?.engine).toEqual(fast);
  expect(fake.jobs.slice(3).map(({ engine }) => engine)).toEqual([fast, fast]);
  await prepare({ engine: 'onnxruntime/cpu' });
  expect((await headOf('p'))?.engine).toEqual({ ...ORT, threads: 8 });
  // The stages that need no engine keep it.
  await lab.executor.callEffect('prepare', { ...CALL, image_encoders: ['dct'] });
  expect((await headOf('p'))?.engine).toEqual({ ...ORT, threads: 8 });
});

test('a basis is fitted to pictures of the split train once, and stays when pictures are added', async () => {
  const license = { name: 'Apache-2.0', read_in: 'a letter' };
  await putModel(fake, 'dinov2-vits14', { v: 1, weights: { model }, source: 'a friend', license });
  const call = { image_encoders: ['dinov2-vits14'], pca: 256, count: 40 };
  const basisOf = (answer: unknown) =>
    (answer as { encoders: { patches: { weights: Record<string, string[]> } } }).encoders.patches.weights.pca;
  const first = await prepare(call);
  expect(first).toMatchObject({ encoders: { patches: { name: 'dinov2-vits14', dim: 256, stride: 16 } } });
  const items = await lab.items((await headOf('p'))?.dataset as Digest);
  const train = items.filter(({ split }) => split === 'train').map(({ id }) => id);
  const samples = fake.jobs.filter(({ sample }) => sample !== undefined);
  expect(samples.flatMap(({ sample }) => sample?.ids)).toEqual(train);
  expect(samples.map(({ options }) => options)).toEqual(samples.map(() => ({ stride: 16, layers: 'last' })));
  const encoded = fake.jobs.filter(({ sample }) => sample === undefined);
  expect(encoded.map(({ weights, options }) => [weights.pca, options.pca])).toEqual([[basisOf(first), 256]]);
  const again = await prepare({ ...call, count: 50 });
  expect(basisOf(again)).toEqual(basisOf(first));
  expect(fake.jobs.filter(({ sample }) => sample !== undefined)).toHaveLength(samples.length);
  // Other layers give other vectors.
  expect(basisOf(await prepare({ ...call, layers: 'sum_2' }))).not.toBeUndefined();
  expect(fake.jobs.filter(({ sample }) => sample !== undefined)).toHaveLength(2 * samples.length);
});

test('a basis needs as many patches as it has components', async () => {
  const license = { name: 'Apache-2.0', read_in: 'a letter' };
  await putModel(fake, 'dinov2-vits14', { v: 1, weights: { model }, source: 'a friend', license });
  await expect(prepare({ image_encoders: ['dinov2-vits14'], pca: 256, count: 20 })).rejects.toThrow(
    'patches, and 256 components need as many',
  );
});

test('prepare refuses encoders, strides and engines that do not fit each other', async () => {
  await install();
  const refusal = (more: object) => expect(prepare(more)).rejects;
  await refusal({ image_encoders: ['efficientnet-lite0', 'dct'] }).toThrow(
    '/image_encoders: efficientnet-lite0 and dct make the same signals: expected one of them',
  );
  await refusal({ stride: 2 }).toThrow('/stride: the encoder efficientnet-lite0: expected one of 4, 8, 16, got 2');
  await refusal({ image_encoders: ['dct'], engine: 'auto' }).toThrow(
    '/engine: no encoder of this call runs on an engine',
  );
  await refusal({ pca: 256 }).toThrow('/pca: no encoder of this call takes pca');
  await refusal({ image_encoders: ['dinov3-vits16'], layers: 'sum_20' }).toThrow(
    '/layers: the encoder dinov3-vits16: expected at most sum_12',
  );
  await refusal({ image_encoders: ['dinov3-vits16'], quantum: 8 }).toThrow(
    '/stride: expected a stride, which is 16 unless it is given, that divides the quantum',
  );
  await refusal({ engine: 'xla/cuda' }).toThrow('the engine xla/cuda is not available');
  expect(fake.jobs).toEqual([]);
});

test('weights that are deleted later stay with the dataset', async () => {
  await install();
  await prepare();
  await createRefs(fake.store).models.delete('efficientnet-lite0');
  await expect(prepare()).rejects.toThrow('not installed');
  expect((await lab.dataset((await headOf('p'))?.dataset as Digest)).links).toContain(model[0]);
});
