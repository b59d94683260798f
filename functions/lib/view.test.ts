import { beforeEach, describe, expect, test } from 'vitest';
import { createTrainingLab, listKeys, type TrainingLab } from '../testing/training.ts';
import { readConfig, readHead } from './experiment.ts';
import { deleteView, logName, rebuildView, stepName, writeSummary } from './view.ts';

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

async function rebuild(): Promise<void> {
  const { value } = await readHead(lab.store, 'toy');
  await rebuildView({ ...lab, name: 'toy' }, value, await readConfig(lab.blobs, value));
}

test('names sort as their steps do', () => {
  expect([stepName(500), stepName(12_000)].sort()).toEqual(['step0000500', 'step0012000']);
  expect(logName({ from: 0, to: 100 })).toBe('0000000-0000100.jsonl');
});

describe('the view', () => {
  test('is the same when it is made again from the head', async () => {
    const before = await readView();
    await deleteView(lab.store, 'toy');
    expect(await readView()).toEqual(new Map());
    await rebuild();
    expect(await readView()).toEqual(before);
  });

  test('heals a file that somebody changed or deleted', async () => {
    const before = await readView();
    await lab.store.put('experiments/toy/log/0000000-0000004.jsonl', Buffer.from('spoilt'));
    await lab.store.delete('experiments/toy/previews/step0000008/000.png');
    await rebuild();
    expect(await readView()).toEqual(before);
  });

  test('is written by several at once without an error', async () => {
    const { value } = await readHead(lab.store, 'toy');
    const config = await readConfig(lab.blobs, value);
    const states = ['running', 'paused', 'done'] as const;
    await Promise.all(states.map(state => writeSummary({ ...lab, name: 'toy' }, { ...value, state }, config)));
    const index = JSON.parse(Buffer.from((await lab.store.get('experiments/toy/index.json'))?.body ?? []).toString());
    expect(states).toContain(index.state);
  });

  test('of another experiment is left alone', async () => {
    await lab.create('toy-2');
    await deleteView(lab.store, 'toy');
    expect((await listKeys(lab.store, 'experiments/')).every(key => key.startsWith('experiments/toy-2/'))).toBe(true);
  });
});
