import { beforeEach, describe, expect, test } from 'vitest';
import { interceptStore } from '../../storage/intercept.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ServerAddress } from '../define.ts';
import { changeHead, readConfig, readHead } from '../experiments/experiment-head.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from '../testing/training.ts';
import { deleteView, logName, rangeName, stepName, writeSummary } from './experiment-view.ts';
import { readSummaries } from './metrics.ts';
import { rebuildView } from './rebuild-experiment-view.ts';

let lab: TrainingLab;

beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy' });
});

async function readView(): Promise<Map<string, string>> {
  const keys = await listKeys(lab.store, 'experiments/');
  const bodies = await Promise.all(keys.map(key => lab.store.get(key)));
  return new Map(keys.map((key, i) => [key, Buffer.from(bodies[i]?.body ?? []).toString('hex')]));
}

const rebuild = () => rebuildView({ ...lab, name: 'toy' });

test('names of files sort by step', () => {
  expect([stepName(500), stepName(12_000)].sort()).toEqual(['step0000500', 'step0012000']);
  expect(logName({ from: 0, to: 100 })).toBe('0000000-0000100.jsonl');
});

describe('the view', () => {
  test('an experiment view that is made again from the head is the same', async () => {
    const before = await readView();
    await deleteView(lab.store, 'toy');
    expect(await readView()).toEqual(new Map());
    await rebuild();
    expect(await readView()).toEqual(before);
  });

  test('TensorBoard shows the pictures and texts of the border at its step, and no others', async () => {
    const config = { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, held_out_pictures: 2 } };
    const dataset = await putToyDataset(lab.blobs, { count: 4, heldOut: 2 });
    await createExperiment(lab, 'held', { config, dataset, engine: ASKED_ENGINE });
    await lab.executor.callEffect('train', { experiment: 'held', target: 8 });
    const [chunk] = (await readHead(lab.store, 'held')).value.chunks;
    if (chunk === undefined) throw new Error('there is a chunk');
    const events = await readSummaries(lab.blobs, chunk);
    expect(events.map(({ pictures = {} }) => Object.keys(pictures))).toEqual([
      ...Array.from({ length: chunk.to - 1 }, () => []),
      ['visual_debug/previews', 'visual_debug/collage'],
    ]);
    const { pictures, texts } = events.at(-1) ?? {};
    const shown = { 'visual_debug/previews': 'previews', 'visual_debug/collage': 'held-out' };
    for (const [tag, folder] of Object.entries(shown)) {
      const keys = await listKeys(lab.store, `experiments/held/${folder}/${stepName(chunk.to)}/`);
      const files = keys.filter(key => key.endsWith('.png'));
      const bodies = await Promise.all(files.map(async key => Buffer.from((await lab.store.get(key))?.body ?? [])));
      expect([files.length > 0, pictures?.[tag]?.pngs.map(png => Buffer.from(png))]).toEqual([true, bodies]);
    }
    expect(texts?.['visual_debug/prompts']).toMatch(/^1\. \S/);
    const file = await lab.store.get(`experiments/held/tensorboard/events.out.tfevents.${rangeName(chunk)}`);
    const [png] = pictures?.['visual_debug/previews']?.pngs ?? [];
    expect(Buffer.from(file?.body ?? []).includes(Buffer.from(png ?? [1]))).toBe(true);
  });

  test('the view tells which signals are trained together, without categories of absent signals', async () => {
    const keys = await readView();
    const text = (name: string) => Buffer.from(keys.get(`experiments/toy/${name}`) ?? '', 'hex').toString('utf8');
    const rows = [
      { keeps: ['text', 'cls', 'patches'], share: 0.55 },
      { keeps: ['text'], share: 0.25 },
      { keeps: [], share: 0.1 },
      { keeps: ['cls'], share: 0.05 },
      { keeps: ['patches'], share: 0.05 },
    ];
    expect(JSON.parse(text('index.json')).trained_with).toEqual(rows);
    expect(text('README.md')).toContain(
      '| trained with | text and cls and patches 55 %, text 25 %, no signal 10 %, cls 5 %, patches 5 % |',
    );
  });

  test('a rebuild repairs changed and deleted files', async () => {
    const before = await readView();
    await lab.store.put('experiments/toy/log/0000000-0000004.jsonl', Buffer.from('spoilt'));
    await lab.store.delete('experiments/toy/previews/step0000008/000.png');
    await rebuild();
    expect(await readView()).toEqual(before);
  });

  test('a rebuild deletes unknown files, but keeps those of a chunk that the head does not name yet', async () => {
    const before = await readView();
    await lab.store.put('experiments/toy/notes.txt', Buffer.from('mine'));
    await lab.store.put('experiments/toy/checkpoints/step0000004.json', Buffer.from('{}'));
    await lab.store.put('experiments/toy/log/0000016-0000020.jsonl', Buffer.from('in work'));
    await rebuild();
    expect([...(await readView()).keys()]).toEqual(
      [...before.keys(), 'experiments/toy/log/0000016-0000020.jsonl'].sort(),
    );
  });

  test('a rebuild follows an experiment that moves on meanwhile', async () => {
    const { value } = await readHead(lab.store, 'toy');
    let moved = false;
    const store = interceptStore(lab.store, async (call, run) => {
      if (call.key === 'experiments/toy/index.json' && call.operation === 'put' && !moved) {
        moved = true;
        await changeHead(lab.store, 'toy', now => ({ ...now, history: now.history.slice(1), state: 'paused' }));
      }
      return run();
    });
    await deleteView(lab.store, 'toy');
    await rebuildView({ store, blobs: lab.blobs, name: 'toy' });
    const keys = await listKeys(lab.store, 'experiments/toy/checkpoints/');
    expect(value.history.length).toBe(2);
    expect(keys).toEqual(['experiments/toy/checkpoints/step0000016.json']);
    const index = JSON.parse(Buffer.from((await lab.store.get('experiments/toy/index.json'))?.body ?? []).toString());
    expect(index.state).toBe('paused');
  });

  test('a rebuild deletes the view of a deleted experiment', async () => {
    await createRefs(lab.store).experiments.delete('toy');
    await rebuild();
    expect(await readView()).toEqual(new Map());
  });

  test('an error names the blob that the view misses', async () => {
    const { value } = await readHead(lab.store, 'toy');
    const { log } = value.chunks[0] ?? {};
    if (!log) throw new Error('there is no chunk');
    await lab.store.delete(blobKey(log));
    await expect(rebuild()).rejects.toMatchObject({ code: 'blob_missing', details: { digest: log } });
  });

  test('several calls may write a view at once', async () => {
    const { value } = await readHead(lab.store, 'toy');
    const config = await readConfig(lab.blobs, value);
    const states = ['running', 'paused', 'done'] as const;
    await Promise.all(states.map(state => writeSummary({ ...lab, name: 'toy' }, { ...value, state }, config)));
    const index = JSON.parse(Buffer.from((await lab.store.get('experiments/toy/index.json'))?.body ?? []).toString());
    expect(states).toContain(index.state);
  });

  test('README.md says how to go on at the server that wrote it', async () => {
    const readmeOf = async (address?: ServerAddress) => {
      await rebuildView({ ...lab, name: 'toy', address: () => address });
      return Buffer.from((await lab.store.get('experiments/toy/README.md'))?.body ?? []).toString();
    };
    const body = "-H 'content-type: application/json'";
    const url = 'http://127.0.0.1:9000';
    expect(await readmeOf({ url, needsToken: false })).toContain(
      `Go on: \`curl -X POST ${url}/experiments/toy/train ${body} -d '{}'\`\n`,
    );
    expect(await readmeOf({ url, needsToken: true })).toContain(
      `${body} -H "authorization: Bearer $EASEL_TOKEN" -d '{}'\`\n`,
    );
    expect(await readmeOf()).toContain('Go on: POST /experiments/toy/train\n');
  });

  test('deleting a view leaves the view of another experiment alone', async () => {
    await lab.create('toy-2');
    await deleteView(lab.store, 'toy');
    expect((await listKeys(lab.store, 'experiments/')).every(key => key.startsWith('experiments/toy-2/'))).toBe(true);
  });
});
