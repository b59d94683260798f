import { beforeAll, describe, expect, test } from 'vitest';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { STORED_KINDS } from '../../storage/document-kinds.ts';
import { walkReachable } from '../../storage/gc/reachable.ts';
import { listRoots } from '../../storage/gc/roots.ts';
import type { Made } from '../../storage/lineage-record.ts';
import { listAll } from '../../storage/list-all.ts';
import { outputOf } from '../execution/output-of.ts';
import { actionOfPng } from '../execution/publish-png.ts';
import { readPreviewIndex } from '../experiments/border/preview-step.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { branchExperiment } from '../operations/branch-experiment.ts';
import { createPictureLab } from '../testing/pictures.ts';
import { createTrainingLab, ENGINE, type TrainingLab } from '../testing/training.ts';
import { createMadeIndex, type MadeIndex } from './made-index.ts';
import { BackWalk, digestsIn, type Walk, type WalkOptions } from './walk-back.ts';

let lab: TrainingLab;

beforeAll(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
});

/** The walk from the preview of an experiment's n-th chunk, by the text in its PNG. */
async function walkPreview(name: string, n: number, options?: WalkOptions): Promise<Walk> {
  const { chunks } = (await readHead(lab.store, name)).value;
  const index = await readPreviewIndex(lab.blobs, chunks.at(n)?.artifacts.preview as Digest);
  const action = actionOfPng(await lab.blobs.get(index.pictures[0]?.image.digest as Digest));
  return walkAction(action as Digest, options);
}

async function walkAction(action: Digest, options?: WalkOptions): Promise<Walk> {
  const made = createMadeIndex(lab.store, lab.blobs);
  const back = new BackWalk(made, lab.blobs, options);
  const first = await made.action(action);
  if (first) await back.addAction(first);
  return back.walk;
}

const namesOf = ({ steps }: Walk) =>
  steps.map(({ action: { function: name, params } }) =>
    name === 'train-chunk' ? `${params.from}-${params.to}` : name,
  );

test('a preview is walked back to the first step, over chunks whose results were deleted', async () => {
  const results: string[] = [];
  for await (const { key } of listAll(lab.store, 'actions/train-chunk/')) results.push(key);
  expect(results).toHaveLength(2);
  expect(namesOf(await walkPreview('toy', 0))).toEqual(['0-4', 'preview']);
  const last = await walkPreview('toy', -1);
  expect(namesOf(last)).toEqual(['0-4', '4-8', '8-12', '12-16', 'preview']);
  expect(last.holes).toEqual([]);
});

test('its leaves are the config and the dataset that no action made, with all that they name', async () => {
  const { dataset } = (await readHead(lab.store, 'toy')).value;
  const { leaves } = await walkPreview('toy', -1);
  const ofRole = (role: string) => leaves.filter(leaf => leaf.role === role).map(leaf => leaf.blob.digest);
  expect(ofRole('config')).toHaveLength(1);
  expect(ofRole('originals')).toContain(dataset);
  const named = digestsIn(JSON.parse(Buffer.from(await lab.blobs.get(dataset)).toString()));
  expect(ofRole('originals')).toEqual(expect.arrayContaining(named));
  expect(leaves).toHaveLength(1 + 1 + named.length);
});

test('from a checkpoint, a stored one is a leaf, and a deleted one is made again', async () => {
  const near = await walkPreview('toy', -1, { from: 'checkpoint' });
  expect(namesOf(near)).toEqual(['preview']);
  expect(near.leaves.filter(({ role }) => role === 'checkpoint').length).toBeGreaterThan(1);
  expect(namesOf(await walkPreview('toy', 0, { from: 'checkpoint' }))).toEqual(['0-4', 'preview']);
});

test('a sheet of samples names its pictures in params, and is walked back through them', async () => {
  const sampled = await lab.executor.call('sample', { checkpoint: 'toy', prompts: ['x'], steps: 1, engine: ENGINE });
  const again = { checkpoint: 'toy', prompts: ['y'], steps: 1, engine: ENGINE };
  const led = await lab.executor.call('sample', { ...again, reference: outputOf(sampled.result, 'image_000') });
  expect(namesOf(await walkAction(led.action)).slice(-2)).toEqual(['sample', 'sample']);
});

describe('a branch', () => {
  test('keeps the records of its parent up to the branch point, also when the parent is deleted', async () => {
    const request = { name: 'twig', from: 12, config: {}, target: 160 };
    await branchExperiment({ ...lab, runner: lab.runner }, 'toy', request);
    await lab.store.delete('refs/experiments/toy.json');
    await lab.executor.callEffect('train', { experiment: 'twig', target: 160 });
    const walk = await walkPreview('twig', -1);
    expect(namesOf(walk)).toEqual(['0-4', '4-8', '8-12', '12-16', '16-20', 'preview']);
    expect(walk.holes).toEqual([]);
  });

  test('names the records of all chunks before it once, and gc keeps them with their configs', async () => {
    const { lineage = [], branched_from } = (await readHead(lab.store, 'twig')).value;
    const [inherited, ...others] = lineage.filter(({ of }) => of === branched_from?.checkpoint);
    expect(others).toEqual([]);
    const { links } = JSON.parse(Buffer.from(await lab.blobs.get(inherited?.record as Digest)).toString());
    expect(links).toHaveLength(3);
    const roots = listRoots(lab.store, { select: ({ key }) => key === 'refs/experiments/twig.json' });
    const kept = await walkReachable(lab.blobs, roots, { kinds: STORED_KINDS });
    for (const link of links) {
      const record = JSON.parse(Buffer.from(await lab.blobs.get(link)).toString());
      for (const digest of [link, ...record.links]) expect(kept.has(digest)).toBe(true);
    }
  });
});

test('an action without a record is not found, and a missing input is a hole that names its reader', async () => {
  expect((await walkAction(`sha256:${'0'.repeat(64)}` as Digest)).steps).toEqual([]);
  const data = Buffer.from('{"v":1}');
  const missing = await lab.blobs.put(data, 'application/json');
  const answer = await lab.executor.call('sample', { checkpoint: 'twig', prompts: ['z'], steps: 1, engine: ENGINE });
  const made = createMadeIndex(lab.store, lab.blobs);
  const back = new BackWalk(made, lab.blobs);
  await lab.store.delete(`cas/sha256/${missing.digest.slice(7, 9)}/${missing.digest.slice(7)}`);
  const action = { ...answer.result.action, params: { ...answer.result.action.params, pose: missing.digest } };
  await back.addAction({ action, outputs: {} });
  expect(back.walk.holes).toMatchObject([{ digest: missing.digest, role: 'other' }]);
});

test('pictures of a dataset that a sheet shows are made again by the stage that made them', async () => {
  const pictures = createPictureLab();
  const drawn = await pictures.executor.call('render-portraits', { seed: 3, size: 16, from: 0, to: 3 });
  const items = outputOf(drawn.result, 'items');
  const originals = { v: 1, kind: 'dataset', pages: [{ items, columns: {} }], removed: [], encoders: {} };
  const document = { ...originals, counts: { pictures: 3 }, rejects: [], links: [items, ...drawn.result.links] };
  let { digest } = await pictures.blobs.put(Buffer.from(JSON.stringify(document)), 'application/json');
  for (const [name, params] of [['inspect'], ['ingest'], ['bucket', { size: 16 }], ['caption']] as const) {
    digest = outputOf((await pictures.executor.call(name, { dataset: digest, ...params })).result, 'dataset');
  }
  const { image } = (await pictures.dataset(digest)).pages[0]?.columns ?? {};
  const [item] = await pictures.items(digest);
  const picture = { pictures: image as Digest, id: item?.id ?? '' };
  const sheet = await pictures.executor.call('pair-sheet', { pairs: [{ left: picture, right: picture }], cell: 16 });
  const walk = async (options: WalkOptions) => {
    const index = createMadeIndex(pictures.store, pictures.blobs);
    const back = new BackWalk(index, pictures.blobs, options);
    await back.addAction((await index.action(sheet.action)) as Made);
    return back.walk;
  };
  const whole = await walk({});
  expect(namesOf(whole)).toEqual(['inspect', 'ingest', 'bucket', 'pair-sheet']);
  expect(whole.leaves.map(({ role }) => role)).not.toContain('other');
  const near = await walk({ from: 'checkpoint' });
  expect(namesOf(near)).toEqual(['pair-sheet']);
  expect(near.leaves).toMatchObject([{ blob: { digest: image }, role: 'other' }]);
});

describe('a dataset that no action made', () => {
  const TOOLS = { v: 1, kind: 'dataset', removed: [], encoders: {}, counts: {}, rejects: [] } as const;
  const emptyIndex: MadeIndex = {
    action: async () => undefined,
    actionsOf: async () => [],
    document: async () => undefined,
    makersOf: async () => [],
    stagesWith: async () => [],
  };

  test('that names an upload which only says that it is a PNG takes it as it is', async () => {
    const { digest } = await lab.blobs.put(Buffer.from('no picture'), 'image/png');
    const back = new BackWalk(emptyIndex, lab.blobs);
    await back.addBlob(digest, 'other');
    expect(back.walk.leaves).toMatchObject([{ blob: { digest } }]);
  });

  test('whose blob is deleted is read from the record that names it, and its pictures are leaves', async () => {
    const { digest: items } = await lab.blobs.put(Buffer.from('{}\n'), 'application/jsonl');
    const text = JSON.stringify({ ...TOOLS, pages: [{ items, columns: {} }], links: [items] });
    const back = new BackWalk({ ...emptyIndex, document: async () => text }, lab.blobs);
    await back.addBlob(digestOf(text), 'originals');
    expect(back.walk).toMatchObject({
      steps: [],
      holes: [],
      leaves: [
        { blob: { digest: digestOf(text) }, isStored: false, text, role: 'originals' },
        { blob: { digest: items }, isStored: true, role: 'originals' },
      ],
    });
  });

  test('is repeated in the record that an experiment keeps of it', async () => {
    const { dataset, lineage } = (await readHead(lab.store, 'twig')).value;
    const record = lineage?.find(({ of }) => of === dataset)?.record as Digest;
    const { documents } = JSON.parse(Buffer.from(await lab.blobs.get(record)).toString());
    expect(documents.map(digestOf)).toEqual([dataset]);
  });

  test('as a mixture leads to the actions of its sets, and copies none of their pages', async () => {
    const [set, column] = [digestOf('a set'), digestOf('a column')];
    const union = { ...TOOLS, pages: [{ items: column, columns: {} }], sets: [{ dataset: set }], links: [set, column] };
    const { digest } = await lab.blobs.put(Buffer.from(JSON.stringify(union)), 'application/json');
    const action = { v: 1, function: 'bucket', version: 3, params: {}, inputs: {} } as const;
    const makersOf: MadeIndex['makersOf'] = async blob => (blob === set ? [{ action, outputs: { dataset: set } }] : []);
    const back = new BackWalk({ ...emptyIndex, makersOf }, lab.blobs);
    await back.addBlob(digest, 'originals');
    expect(back.walk.steps).toMatchObject([{ action: { function: 'bucket' } }]);
    expect(back.walk.leaves.map(({ blob }) => blob.digest)).toEqual([digest]);
    expect(back.walk.holes).toEqual([]);
  });
});
