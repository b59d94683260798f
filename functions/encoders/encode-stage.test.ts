import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidInput } from '../../errors.ts';
import { packColumn } from '../../formats/webdataset.ts';
import type { EncodeJob, Job, RunnerClient } from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { blobKey } from '../../storage/keys.ts';
import { definePageFunction } from '../define.ts';
import { encodeImage } from '../encode-image.ts';
import { createExecutor } from '../execution/executor.ts';
import { createBench, putDataset } from '../testing/functions.ts';
import { inlinePool } from '../testing/inline-pool.ts';
import { encodeStage } from './encode-stage.ts';
import { type EncodePageTask, encodePage } from './encode-tasks.ts';
import { defineEncoder } from './encoder.ts';

const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;

const counter = defineEncoder({
  name: 'counter',
  version: 2,
  reads: 'caption',
  options: z.strictObject({ scale: z.int().default(3) }),
  makes: { text: ({ scale }) => ({ dim: scale, tokens: 1 }) },
  optionsOf: () => ({}),
  tools: { abacus: '1.2' },
  runs: 'server',
  encode: (caption, { scale }) => ({ text: { shape: [1, scale], data: new Float32Array(scale).fill(caption.length) } }),
});
const oracle = defineEncoder({
  name: 'oracle',
  version: 7,
  reads: 'caption',
  options: z.strictObject({}),
  makes: { cls: () => ({ dim: 1 }) },
  optionsOf: () => ({}),
  weights: ['model'],
  runs: 'runner',
});
const stage = definePageFunction(
  encodeStage({ name: 'encode', summary: 'Encodes.', version: 1, reads: 'caption', usual: 'counter', example: {} }, [
    counter,
    oracle,
  ]),
);

function createLab() {
  const store = createMemoryStore();
  const blobs = createBlobStore(store);
  const jobs: EncodeJob[] = [];
  const runner: RunnerClient = {
    async run(_, job: Job) {
      if (job.kind !== 'encode') throw new InvalidInput('only encode jobs are expected');
      jobs.push(job);
      const made = encodeSignalMember('cls', 'x', { shape: [1], data: Float32Array.of(jobs.length) });
      return {
        outputs: { cls: await blobs.put(packColumn(new Map([made])), 'application/x-tar') },
        links: [],
        stats: {},
      };
    },
    status: () => Promise.reject(new InvalidInput('not asked')),
  };
  const executor = createExecutor({
    store,
    blobs,
    registry: [...createBench().functions, stage],
    runner,
    pool: {
      ...inlinePool,
      run: async <T>(_: string, task: unknown) => encodePage(task as EncodePageTask, [counter]) as T,
    },
    importRoots: [],
    clock: SYSTEM_CLOCK,
  });
  return { store, blobs, jobs, executor };
}

/** Makes a dataset of three pictures with a caption column as `caption` makes it. */
async function prepare({ blobs }: ReturnType<typeof createLab>) {
  const { document } = await putDataset(blobs, ['a', 'b', 'c']);
  const [page] = document.pages;
  const ids = Buffer.from(await blobs.get(page!.items))
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line).id as string);
  const caption = (await blobs.put(packColumn(new Map(ids.map(id => [`${id}.txt`, Buffer.from('four')]))))).digest;
  const captioned = { ...document, pages: [{ items: page!.items, columns: { caption } }] };
  return (await blobs.put(Buffer.from(JSON.stringify(captioned)))).digest;
}

describe('stages that encode', () => {
  test('encoder, options with their defaults, version and tools enter the action', async () => {
    const lab = createLab();
    const dataset = await prepare(lab);
    const { result, action } = await lab.executor.call('encode', { dataset });
    expect(result.action).toMatchObject({
      params: { encoder: 'counter', scale: 3 },
      tools: { counter: '2', abacus: '1.2' },
      inputs: { dataset },
    });
    expect(result.action.engine).toBeUndefined();
    const same = await lab.executor.call('encode', { dataset, encoder: 'counter', scale: 3 });
    expect(same).toMatchObject({ action, cache: 'hit' });
    const { encoders, pages } = await readDataset(lab.blobs, result.outputs.dataset!.digest);
    expect(encoders).toEqual({ text: { name: 'counter', dim: 3, tokens: 1 } });
    expect(Object.keys(pages[0]!.columns)).toEqual(['caption', 'text']);
  });

  test('an option of another encoder, a wrong value and an unknown encoder are refused', async () => {
    const lab = createLab();
    const dataset = await prepare(lab);
    await expect(lab.executor.call('encode', { dataset, encoder: 'oracle', scale: 3 })).rejects.toThrow(
      '/scale: the encoder oracle has no option "scale"',
    );
    await expect(lab.executor.call('encode', { dataset, scale: 'x' })).rejects.toThrow('/scale');
    await expect(lab.executor.call('encode', { dataset, encoder: 'abacus' })).rejects.toThrow('/encoder');
    await expect(lab.executor.call('encode', { dataset, scalle: 1 })).rejects.toThrow('did you mean "scale"?');
  });

  test('the gpu-runner gets the column with weights and engine, which enter the action', async () => {
    const lab = createLab();
    const dataset = await prepare(lab);
    const model = [(await lab.blobs.put(Buffer.from('w0'))).digest, (await lab.blobs.put(Buffer.from('w1'))).digest];
    const body = { dataset, encoder: 'oracle', weights: { model }, engine };
    const { result } = await lab.executor.call('encode', body);
    expect(result.action).toMatchObject({
      params: { encoder: 'oracle' },
      tools: { oracle: '7' },
      inputs: { 'weights.model.0': model[0], 'weights.model.1': model[1] },
      engine,
    });
    const [page] = (await readDataset(lab.blobs, dataset)).pages;
    expect(lab.jobs).toMatchObject([
      { encoder: 'oracle', version: 7, reads: 'caption', weights: { model }, column: page!.columns.caption, engine },
    ]);
    const made = await readDataset(lab.blobs, result.outputs.dataset!.digest);
    expect(made.encoders).toEqual({ cls: { name: 'oracle', dim: 1, weights: { model } } });
    expect(made.links).toEqual(expect.arrayContaining(model));
    const other = await lab.executor.call('encode', { ...body, weights: { model: model.toReversed() } });
    expect(other.cache).toBe('miss');
    expect(other.action).not.toBe(result.action);
  });

  test('an engine and weights are refused for an encoder of the server', async () => {
    const lab = createLab();
    const dataset = await prepare(lab);
    const model = [(await lab.blobs.put(Buffer.from('w'))).digest];
    await expect(lab.executor.call('encode', { dataset, engine })).rejects.toThrow(
      '/engine: the encoder counter has no engine',
    );
    await expect(lab.executor.call('encode', { dataset, weights: { model } })).rejects.toThrow(
      '/weights: the encoder counter has no weights',
    );
  });

  test('a runner encoder needs stored weights and an engine', async () => {
    const lab = createLab();
    const dataset = await prepare(lab);
    const model = [(await lab.blobs.put(Buffer.from('w'))).digest];
    const call = (more: object) => lab.executor.call('encode', { dataset, encoder: 'oracle', ...more });
    await expect(call({ engine })).rejects.toThrow('needs its weights "model"');
    await expect(call({ engine, weights: { model, extra: model } })).rejects.toThrow('has no weights "extra"');
    await expect(call({ weights: { model } })).rejects.toThrow('engine is missing');
    const absent = [`sha256:${'9'.repeat(64)}`];
    await expect(call({ engine, weights: { model: absent } })).rejects.toThrow(`there is no blob ${absent[0]}`);
    expect(lab.jobs).toEqual([]);
  });

  test('a lost column is made again with its first weights and engine', async () => {
    const lab = createLab();
    const dataset = await prepare(lab);
    const model = [(await lab.blobs.put(Buffer.from('w'))).digest];
    const { result } = await lab.executor.call('encode', { dataset, encoder: 'oracle', weights: { model }, engine });
    const made = result.outputs.dataset!.digest;
    await lab.store.delete(blobKey(made));
    const again = await lab.executor.heal(() => readDataset(lab.blobs, made), new AbortController().signal);
    expect(again.encoders.cls).toMatchObject({ weights: { model } });
  });

  test('encode-image says which columns its encoder makes', () => {
    expect(encodeImage.makes?.({ encoder: 'dct', stride: 4 })).toEqual(['cls', 'patches']);
    expect(encodeImage.adds).toEqual(['cls', 'patches', 'pose']);
  });
});
