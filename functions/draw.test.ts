import { beforeEach, describe, expect, test } from 'vitest';
import { decodeNpy } from '../formats/npy.ts';
import { decodeSafetensors } from '../formats/safetensors.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import type { SampleJob } from '../gpu-runner/protocol.ts';
import { putDocument, readCheckpoint, readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { canonicalDigest } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { draw as registered } from './draw.ts';
import { encodeWords } from './encoders/words.ts';
import { outputOf } from './execution/output-of.ts';
import { readDrawnIndex } from './experiments/drawn-index.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { putPosed } from './testing/known-poses.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  ENGINE,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';

const CAPTIONS = ['a long hat', 'A Long hat', 'a longer hat', 'a hat', 'a pale hat'];
let lab: TrainingLab;
let dataset: Digest;
let checkpoint: Digest;
const sampled: SampleJob[] = [];

/** Five held-out pictures, the third one wider, and a trained one. */
async function putCaptioned(removed: readonly string[] = [], captions = CAPTIONS): Promise<Digest> {
  const sizes = [16, 16, 16, 24, 16, 16].map(side => ({ width: side, height: 16 }));
  const toy = await readDataset(lab.blobs, await putToyDataset(lab.blobs, { sizes, heldOut: 5 }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const ids = (await readItems(lab.blobs, page)).map(({ id }) => id);
  const members = ids.slice(1).map((id, i) => [`${id}.txt`, Buffer.from(captions[i] ?? '')] as const);
  const caption = (await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar')).digest;
  return putDocument(lab.blobs, {
    ...toy,
    pages: [{ ...page, columns: { ...page.columns, caption } }],
    removed: [...removed],
    links: [...toy.links, caption],
  }).then(({ digest }) => digest);
}

beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
  checkpoint = (await readHead(lab.store, 'toy')).value.checkpoint as Digest;
  dataset = await putCaptioned();
  sampled.length = 0;
  const { run } = lab.runner;
  lab.runner.run = (action, job, options) => {
    if (job.kind === 'sample') sampled.push(job);
    return run(action, job, options);
  };
});

async function draw(body: object) {
  const { result } = await lab.executor.call('draw', {
    ...{ checkpoint, dataset, count: 5, steps: 2, engine: ENGINE },
    ...body,
  });
  const index = await readDrawnIndex(lab.blobs, outputOf(result, 'index'));
  const members = readColumn(await lab.blobs.get(index.pictures));
  return { index, members, ids: index.items.map(({ id }) => Number.parseInt(id, 16)) };
}

async function conditionsOf(job: SampleJob | undefined) {
  return decodeSafetensors(await lab.blobs.get(job?.conditions ?? dataset)).tensors;
}

describe('draw', () => {
  test('draws by the weights before the first step of a config, which no checkpoint decides', async () => {
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    const later = (await readHead(lab.store, 'toy')).value.checkpoint;
    expect(later).not.toBe(checkpoint);
    const configs = await Promise.all([checkpoint, later as Digest].map(each => readCheckpoint(lab.blobs, each)));
    const [config, same] = configs.map(each => each.config);
    expect(same).toBe(config);
    const pictures = async (body: object) => (await draw({ condition: 'text', ...body })).index.pictures;
    const initial = { weights: 'initial', checkpoint: undefined };
    const start = await pictures({ ...initial, config });
    expect(await pictures({})).not.toBe(start);
    expect(sampled.map(({ network }) => network).slice(-4)).toEqual([
      ...Array(2).fill({ config }),
      ...Array(2).fill({ checkpoint, weights: 'ema' }),
    ]);
    await expect(draw({ condition: 'text', weights: 'initial' })).rejects.toThrow(
      /config: is missing.*checkpoint: does/s,
    );
    await expect(draw({ condition: 'text', config })).rejects.toThrow(/config: does not go with weights of a training/);
    await expect(draw({ ...initial, condition: 'text', weights: 'ema' })).rejects.toThrow(/checkpoint: is missing/);
    await expect(
      lab.executor.call('sample', { checkpoint: 'toy', prompts: ['a'], weights: 'initial' }),
    ).rejects.toThrow('weights');
  });

  test('draws each held-out picture in its own size from all its signals and its own noise', async () => {
    const { index, members, ids } = await draw({ condition: 'full' });
    expect(ids).toEqual([1, 2, 3, 4, 5]);
    expect([...members.keys()].map(name => Number.parseInt(name, 16))).toEqual(ids);
    expect(index.items.map(({ noise, width, caption }) => [noise, width, caption])).toEqual([
      [0, 16, 'a long hat'],
      [1, 16, 'A Long hat'],
      [2, 24, 'a longer hat'],
      [3, 16, 'a hat'],
      [4, 16, 'a pale hat'],
    ]);
    expect(sampled.map(({ noise, width }) => [width, noise])).toEqual([
      [16, [0, 1, 3, 4]],
      [24, [2]],
    ]);
    expect(Object.keys(await conditionsOf(sampled[0])).sort()).toEqual(['cls', 'patches', 'text', 'text_mask']);
    const shapes = index.items.map(({ id }) => decodeNpy(members.get(`${id}.image.npy`) ?? new Uint8Array()).shape);
    expect(shapes.map(([, , width]) => width)).toEqual([16, 16, 24, 16, 16]);
  });

  test('a picture keeps its noise when another is removed', async () => {
    dataset = await putCaptioned(['0000000000000001']);
    const { index } = await draw({ condition: 'text', count: 2 });
    expect(index.items.map(({ id, noise }) => [Number.parseInt(id, 16), noise])).toEqual([
      [2, 1],
      [3, 2],
    ]);
    expect((await draw({ condition: 'text', first: 2 })).index.items.map(({ noise }) => noise)).toEqual([3, 4]);
    expect((await draw({ condition: 'text', split: 'train' })).index.items.map(({ noise }) => noise)).toEqual([0]);
  });

  test('draws from nothing without guidance, which would lead away from the same', async () => {
    const { index } = await draw({ condition: 'unconditional', guidance: 4 });
    expect(index.items).toHaveLength(5);
    expect([index.guidance, sampled[0]?.guidance]).toEqual([1, 1]);
    expect(await conditionsOf(sampled[0])).toEqual({});
  });

  test('swap gives the look of the next picture of the same size with the own caption', async () => {
    const { index } = await draw({ condition: 'swap' });
    expect(index.items.map(({ id, other }) => [id, other].map(hex => Number.parseInt(hex ?? '', 16)))).toEqual([
      [1, 2],
      [2, 4],
      [4, 5],
      [5, 1],
    ]);
    expect(index.skipped).toEqual([{ id: '0000000000000003', reason: 'no other picture of its size has a look' }]);
    await draw({ condition: 'full' });
    const [swap, full] = await Promise.all(sampled.map(conditionsOf));
    const row = 64;
    expect(swap?.cls?.data.slice(0, row)).toEqual(full?.cls?.data.slice(row, 2 * row));
    expect(swap?.text?.data).toEqual(full?.text?.data);
  });

  test('other_pose gives the pose of the next picture with the own caption, and nothing else', async () => {
    dataset = await putPosed(lab, { pose: { name: 'known', joints: 133 } }, []);
    await createExperiment(lab, 'posed', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
    await lab.executor.callEffect('train', { experiment: 'posed', target: 8 });
    const posed = { checkpoint: (await readHead(lab.store, 'posed')).value.checkpoint as Digest, split: 'train' };
    sampled.length = 0;
    const { index } = await draw({ ...posed, condition: 'other_pose' });
    expect(index.items.map(({ id, other }) => [id, other].map(hex => Number.parseInt(hex ?? '', 16)))).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
      [3, 0],
    ]);
    await draw({ ...posed, condition: 'pose_text' });
    const [swapped, own] = await Promise.all(sampled.map(conditionsOf));
    const rows = (of: typeof own, from: number, to: number) => of?.pose?.data.slice(from * 399, to * 399);
    expect(rows(swapped, 0, 3)).toEqual(rows(own, 1, 4));
    expect(rows(swapped, 3, 4)).toEqual(rows(own, 0, 1));
    expect(rows(own, 0, 1)).not.toEqual(rows(own, 1, 2));
    expect(swapped?.text?.data).toEqual(own?.text?.data);
    expect(Object.keys(swapped ?? {}).filter(name => /cls|patches/.test(name))).toEqual([]);
  });

  test('edits whole words and encodes the edited caption anew', async () => {
    const { index } = await draw({ condition: 'edit_text' });
    expect(index.items.map(({ caption, edit }) => [caption, edit?.from])).toEqual([
      ['a short hat', 'long'],
      ['A Short hat', 'long'],
      ['a tan hat', 'pale'],
    ]);
    expect(index.skipped.map(({ reason }) => reason)).toEqual(Array(2).fill('its caption has the words of no edit'));
    const { text, cls } = await conditionsOf(sampled[0]);
    const wanted = encodeWords('a short hat');
    expect(text?.data.slice(0, wanted.data.length)).toEqual(wanted.data);
    expect(cls).toBeUndefined();
    const asked = await draw({ condition: 'edit', edits: [{ from: 'hat', to: 'cap' }] });
    expect(asked.index.items[2]?.caption).toBe('a longer cap');
    expect(Object.keys(await conditionsOf(sampled.at(-1)))).toContain('patches');
  });

  test.each(['text', 'swap'])(
    '%s leaves out a picture with an empty caption, of which it says nothing',
    async condition => {
      dataset = await putCaptioned([], ['a hat', ' \n', 'a hat', '', 'a hat']);
      const { index, ids } = await draw({ condition });
      expect(ids).toEqual(condition === 'text' ? [1, 3, 5] : [1, 5]);
      expect(index.skipped.filter(({ reason }) => reason === 'its caption is empty').map(({ id }) => id)).toEqual([
        '0000000000000002',
        '0000000000000004',
      ]);
      expect((await draw({ condition: 'full' })).ids).toEqual([1, 2, 3, 4, 5]);
    },
  );

  // If these change, raise the version of draw: caches serve the old bytes to the new code.
  test.each([
    ['swap', 'sha256:aaff279b4fd0c9ef712ebd21addf146255fe67901f13fe2eedbf7d88f1bf9ba2'],
    ['edit_text', 'sha256:4011e2233d511a3317c90700b5ffa5bb564a92093030125a6e89c6a629924b15'],
  ])('%s has the bytes of its version', async (condition, golden) => {
    const { index } = await draw({ condition });
    const { checkpoint: _, ...told } = index;
    expect([registered.version, canonicalDigest(told as never)]).toEqual([3, golden]);
  });

  test('refuses a dataset whose signals are of other encoders', async () => {
    const known = await readDataset(lab.blobs, dataset);
    const encoders = { ...known.encoders, text: { name: 't5-base', dim: 768, tokens: 64 } };
    dataset = (await putDocument(lab.blobs, { ...known, encoders })).digest;
    await expect(draw({ condition: 'text' })).rejects.toThrow(/the model was trained with text .*"words".*"t5-base"/);
  });

  test('refuses a condition that the model was not trained with, and edits of a condition without', async () => {
    await expect(draw({ condition: 'pose_text' })).rejects.toMatchObject({
      message: 'the model was trained without pose',
      expected: 'for the condition pose_text, a model whose config has model.conditions.pose',
    });
    await expect(draw({ condition: 'text', edits: [{ from: 'a', to: 'b' }] })).rejects.toThrow(/edits/);
  });
});
