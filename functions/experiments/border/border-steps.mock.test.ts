import { beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { putDocument } from '../../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../../storage/drivers/memory.ts';
import { GRACE_MS } from '../../../storage/gc/lifetimes.ts';
import { blobKey } from '../../../storage/keys.ts';
import { digestSchema } from '../../../storage/records.ts';
import { FakeTime, SLEEP_PASSES } from '../../../storage/testing/fake-time.ts';
import { findExperimentFaults } from '../../testing/history.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from '../../testing/training.ts';
import { DOCUMENT_KINDS } from '../../upkeep/declarations.ts';
import { deleteView } from '../../views/experiment-view.ts';
import { rebuildView } from '../../views/rebuild-experiment-view.ts';
import { readHead } from '../experiment-head.ts';
import { BORDER_STEPS } from './border-steps.ts';

/** The table with one more row: at every second border of the toy run, a note that links a text. */
vi.mock('./border-steps.ts', async importOriginal => {
  const { BORDER_STEPS: rows } = await importOriginal<typeof import('./border-steps.ts')>();
  const { defineBorderStep } = await import('./border-step.ts');
  const notes = defineBorderStep({
    name: 'note',
    due: ({ step }) => step % 8 === 0,
    async run({ blobs, step }, checkpoint) {
      const text = await blobs.put(Buffer.from(`${checkpoint} at ${step}`), 'text/plain');
      const note = { v: 1, kind: 'test-notes', step, text: text.digest, links: [text.digest] };
      return (await putDocument(blobs, note)).digest;
    },
    artifact: {
      kind: 'test-notes',
      schema: z.strictObject({
        v: z.literal(1),
        kind: z.literal('test-notes'),
        step: z.int(),
        text: digestSchema,
        links: z.array(digestSchema),
      }),
      folder: 'test-notes',
      files: ({ step, text }) => [
        { name: 'text.txt', blob: text },
        { name: 'note.json', json: { step } },
      ],
      describe: () => '- test-notes/: one for every second chunk.',
    },
  });
  return { BORDER_STEPS: [...rows, notes] };
});

const NOTE_FILES = [8, 16].flatMap(step => {
  const folder = `experiments/toy/test-notes/step${String(step).padStart(7, '0')}`;
  return [`${folder}/note.json`, `${folder}/text.txt`];
});

const time = new FakeTime(SLEEP_PASSES);
const lifetimes = { clock: time.clock(), extendAfterMs: GRACE_MS / 2 };
let lab: TrainingLab;

beforeEach(async () => {
  lab = createTrainingLab(createMemoryStore(new Map(), time.now), { lifetimes });
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy' });
});

test('no two steps share a name, a kind of document or a folder', () => {
  for (const values of [
    BORDER_STEPS.map(({ name }) => name),
    BORDER_STEPS.map(({ artifact }) => artifact.folder),
    ['dataset', 'checkpoint', ...BORDER_STEPS.map(({ artifact }) => artifact.kind)],
  ]) {
    expect(new Set(values).size).toBe(values.length);
  }
});

describe('a second step', () => {
  test('leaves its artifact in the chunks at whose end it was due', async () => {
    const { chunks } = (await readHead(lab.store, 'toy')).value;
    expect(chunks.map(({ to, artifacts }) => [to, Object.keys(artifacts)])).toEqual([
      [4, ['preview']],
      [8, ['note', 'preview']],
      [12, ['preview']],
      [16, ['note', 'preview']],
    ]);
  });

  test('does not run at the end of a chunk that a shutdown cut short', async () => {
    await lab.create('cut', { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, chunk_steps: 16 } });
    lab.runner.stopAfter = 8;
    await lab.executor.callEffect('train', { experiment: 'cut' });
    const { chunks } = (await readHead(lab.store, 'cut')).value;
    expect(chunks.map(({ to, artifacts }) => [to, Object.keys(artifacts).length])).toEqual([
      [8, 0],
      [16, 2],
    ]);
  });

  test('is shown in the view, which can be made again', async () => {
    expect(await listKeys(lab.store, 'experiments/toy/test-notes/')).toEqual(NOTE_FILES);
    const text = async (file: string) =>
      Buffer.from((await lab.store.get(`experiments/toy/${file}`))?.body ?? []).toString();
    expect(await text('README.md')).toContain('- test-notes/: one for every second chunk.');
    const [, second] = JSON.parse(await text('index.json')).chunks;
    expect(second.folders).toEqual({ preview: 'previews/step0000008/', note: 'test-notes/step0000008/' });
    await deleteView(lab.store, 'toy');
    await rebuildView({ ...lab, name: 'toy' });
    expect(await listKeys(lab.store, 'experiments/toy/test-notes/')).toEqual(NOTE_FILES);
    expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
  });

  test('is followed by gc, which deletes it with its view when the experiment is gone', async () => {
    const { chunks } = (await readHead(lab.store, 'toy')).value;
    const note = chunks[1]?.artifacts.note;
    if (!note) throw new Error('there is no note');
    const text = JSON.parse(Buffer.from(await lab.blobs.get(note)).toString()).text;
    const gc = async () => {
      time.pass(2 * GRACE_MS);
      await lab.executor.callEffect('gc', { delete: true });
    };
    const there = () => Promise.all([note, text].map(async digest => (await lab.blobs.head(digest)) !== undefined));
    for (let call = 0; call < 3; call++) await gc();
    expect(await there()).toEqual([true, true]);
    await lab.store.delete('refs/experiments/toy.json');
    for (let call = 0; call < 3; call++) await gc();
    expect(await there()).toEqual([false, false]);
    expect(await listKeys(lab.store, 'experiments/')).toEqual([]);
  });

  test('is held to its schema by verify, which finds what it links missing', async () => {
    const { chunks } = (await readHead(lab.store, 'toy')).value;
    const note = chunks[3]?.artifacts.note;
    if (!note) throw new Error('there is no note');
    expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true });
    await lab.store.delete(blobKey(JSON.parse(Buffer.from(await lab.blobs.get(note)).toString()).text));
    expect(await lab.executor.callEffect('verify', {})).toMatchObject({
      missing: { total: 1, items: [{ needed_by: ['refs/experiments/toy.json', note] }] },
    });
    expect(DOCUMENT_KINDS['test-notes']?.schema.safeParse({ v: 1, kind: 'test-notes', links: [] }).success).toBe(false);
  });
});
