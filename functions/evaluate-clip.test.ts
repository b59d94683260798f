/** @file The columns of CLIP in a table of quality, by towers that know the pictures and captions of the dataset. */
import { beforeEach, expect, test } from 'vitest';
import { type Evaluation, evaluationSchema } from '../configs/evaluation.ts';
import { readDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import type { ComparisonReport } from './comparison/comparison-report.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { embedOnAxes, installClip, letterOf, putCaptioned } from './testing/axis-clip.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const COUNT = 6;
const captionOf = (i: number) => `a hat of the kind ${letterOf(i)}`;
const body = { checkpoint: 'toy', samples: 2, steps: 2, conditions: ['text'] };

let lab: TrainingLab;
/** Texts that the tower of texts has read. */
let read: string[];

beforeEach(() => {
  lab = createTrainingLab();
  read = [];
});

async function train(dataset: Digest, name = 'toy'): Promise<void> {
  await createExperiment(lab, name, { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: name, target: 8 });
}

const evaluate = (more = {}) =>
  lab.executor.callEffect('evaluate', { ...body, ...more }) as unknown as Promise<
    Evaluation & { readonly document: Digest }
  >;
const whyNot = ({ missing }: Evaluation) => missing.find(({ column }) => column === 'clip')?.why;

const install = (parts: readonly ('model' | 'tokenizer')[]) => installClip(lab, parts);
const embed = (dataset: Digest) => embedOnAxes(lab, dataset, COUNT, read);

test('an installed CLIP scores drawn pictures and control rows against the captions of the dataset', async () => {
  const dataset = await putCaptioned(lab, { count: COUNT, heldOut: 2 }, captionOf);
  await train(dataset);
  await install(['model', 'tokenizer']);
  await embed(dataset);
  const table = await evaluate();
  expect([table.clip, whyNot(table)]).toEqual(['clip-vitb32', undefined]);
  const of = (name: string) => table.rows.find(({ row }) => row === name)?.clip;
  expect(of('real')).toMatchObject({ score: { mean: 2.5, low: 2.5, high: 2.5 }, rank: 1, first: 1, of: COUNT });
  expect(of('random')).toMatchObject({ score: { mean: 0 }, rank: COUNT, first: 0 });
  // Trained and held-out pictures lie on axes of their own: all pairs of two have the squared distance 2.
  const lack = 1000 * (1 - Math.exp(-2 / 200));
  const cmmd = (name: string) => table.rows.find(({ row }) => row === name)?.cmmd;
  expect(cmmd('real')).toBeCloseTo((2 - 3 / 4 - 1 / 2) * lack, 4);
  expect(cmmd('nearest')).toBeLessThan(cmmd('real') ?? 0);
  // Ties count against the caption.
  for (const name of ['drawn', 'untrained', 'noise']) {
    const mean = expect.closeTo(2.5 / Math.sqrt(COUNT), 9);
    expect(of(name), name).toMatchObject({ score: { mean }, rank: COUNT, first: 0, of: COUNT });
  }
  // What reports read of each picture stays as long as the table.
  const { links } = await readDocument(lab.blobs, table.document, evaluationSchema, 'a table');
  for (const { row, clip } of table.rows) expect(links, row).toContain(clip?.fits);
  expect(new Set(read)).toEqual(new Set(Array.from({ length: COUNT }, (_, i) => captionOf(i))));
});

test('pictures that are drawn again, from other noise, are compared with their own real pictures, too', async () => {
  const dataset = await putCaptioned(lab, { count: COUNT, heldOut: 2 }, i =>
    i === COUNT - 2 ? 'a long hat' : 'a hat',
  );
  await train(dataset);
  const { rows } = await evaluate({ conditions: ['edit_text'] });
  const { drawn, fidelity: { psnr } = {} } = rows[0] ?? {};
  // Of one picture there would be no spread.
  expect([drawn, (psnr?.high ?? 0) > (psnr?.low ?? 0)]).toEqual([2, true]);
});

test('a report compares CLIPScore picture by picture, answers by it, and says where it was not measured', async () => {
  const dataset = await putCaptioned(lab, { count: COUNT, heldOut: 2 }, captionOf);
  for (const name of ['toy', 'peer', 'unmeasured']) await train(dataset, name);
  await install(['model', 'tokenizer']);
  await embed(dataset);
  for (const checkpoint of ['toy', 'peer']) await evaluate({ checkpoint });
  const question = (arm: string) => ({ question: 'Does it obey?', base: 'toy', arm, measures: ['quality/text/clip'] });
  await lab.executor.callEffect('compare', {
    ...{ experiments: ['toy', 'peer', 'unmeasured'], title: 'fits' },
    questions: [question('peer'), question('unmeasured')],
  });
  const file = await lab.store.get('reports/fits/report.json');
  const report = JSON.parse(Buffer.from(file?.body ?? []).toString()) as ComparisonReport;
  const row = report.views[0]?.rows.find(({ measure }) => measure === 'quality/text/clip');
  expect(row?.arms).toMatchObject({ toy: { pictures: 2 }, peer: { pictures: 2 } });
  expect(row?.controls?.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['real', 'nearest', 'random', 'noise']),
  );
  expect(report.answers.map(({ sentences }) => sentences[0])).toEqual([
    expect.stringMatching(
      /CLIPScore.*\(clip-vitb32\), at 16 x 16 pixels at equal samples: peer 1.02, toy 1.02; difference 0/,
    ),
    expect.stringMatching(/CLIPScore.*: not measured in both toy and unmeasured\.$/),
  ]);
});

test('pictures without captions have no column, and a CLIP without its tokenizer counts as none', async () => {
  const dataset = await putToyDataset(lab.blobs, { count: COUNT, heldOut: 2 });
  await train(dataset);
  await embed(dataset);
  await install(['model']);
  expect(whyNot(await evaluate())).toBe(
    'the weights of no CLIP are installed; install them: easel models install clip-vitb32',
  );
  await install(['model', 'tokenizer']);
  const table = await evaluate();
  expect([table.clip, whyNot(table)]).toEqual(['clip-vitb32', 'no picture of the split val has a caption']);
});
