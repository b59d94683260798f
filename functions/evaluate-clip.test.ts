/** @file The columns of CLIP in a table of quality, by towers that know the pictures and captions of the dataset. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeEach, expect, test } from 'vitest';
import { type Evaluation, evaluationSchema } from '../configs/evaluation.ts';
import { memberName } from '../configs/signals.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { encodeSignalMember } from '../storage/blobs/column-member.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import type { ComparisonReport } from './comparison/comparison-report.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { putModel } from './operations/put-model.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const COUNT = 6;
const captionOf = (i: number) => `a hat of the kind ${'abcdefghij'[i]}`;
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

async function putCaptioned(): Promise<Digest> {
  const { blobs } = lab;
  const toy = await readDataset(blobs, await putToyDataset(blobs, { count: COUNT, heldOut: 2 }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const texts = (await readItems(blobs, page)).map(
    ({ id }, i) => [memberName('caption', id), Buffer.from(captionOf(i))] as const,
  );
  const caption = (await blobs.put(packColumn(new Map(texts)), 'application/x-tar')).digest;
  const columns = { ...page.columns, caption };
  const document = { ...toy, pages: [{ ...page, columns }], links: [...toy.links, caption] };
  return (await putDocument(blobs, document)).digest;
}

async function install(parts: readonly ('model' | 'tokenizer')[]): Promise<void> {
  const tokenizer = gunzipSync(readFileSync(new URL('../formats/testdata/bpe.tokenizer.json.gz', import.meta.url)));
  const files = { model: Buffer.from('weights'), tokenizer };
  const weights: Record<string, Digest[]> = {};
  for (const part of parts) weights[part] = [(await lab.blobs.put(files[part], 'x/y')).digest];
  const license = { name: 'MIT', read_in: 'LICENSE' };
  await putModel(lab, 'clip-vitb32', { v: 1, weights, source: 'a test', license });
}

/** Both towers give the axis of the picture in the dataset; all other pictures lie between all axes. */
async function embed(dataset: Digest): Promise<void> {
  const [page] = (await readDataset(lab.blobs, dataset)).pages;
  const column = readColumn(await lab.blobs.get(page?.columns.image ?? dataset));
  const places = new Map([...column.values()].map((member, i) => [digestOf(member), i]));
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind !== 'encode') return run(action, job, options);
    const signal = job.reads === 'image' ? 'cls' : 'text';
    const members = [...readColumn(await lab.blobs.get(job.column))].map(([name, member]) => {
      const text = Buffer.from(member).toString();
      if (signal === 'text') read.push(text);
      const place = signal === 'cls' ? places.get(digestOf(member)) : text.charCodeAt(text.length - 1) - 97;
      const data = Float32Array.from({ length: COUNT }, (_, i) => Number(place === undefined || place === i));
      const id = name.slice(0, -memberName(job.reads, '').length);
      return encodeSignalMember(signal, id, { shape: signal === 'cls' ? [COUNT] : [1, COUNT], data });
    });
    const output = await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar');
    return { outputs: { [signal]: output }, links: [], stats: {} };
  };
}

test('an installed CLIP scores drawn pictures and control rows against the captions of the dataset', async () => {
  const dataset = await putCaptioned();
  await train(dataset);
  await install(['model', 'tokenizer']);
  await embed(dataset);
  const table = await evaluate();
  expect([table.clip, whyNot(table)]).toEqual(['clip-vitb32', undefined]);
  const of = (name: string) => table.rows.find(({ row }) => row === name)?.clip;
  expect(of('real')).toMatchObject({ score: { mean: 2.5, low: 2.5, high: 2.5 }, rank: 1, first: 1, of: COUNT });
  expect(of('random')).toMatchObject({ score: { mean: 0 }, rank: COUNT, first: 0 });
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

test('a report compares CLIPScore picture by picture, answers by it, and says where it was not measured', async () => {
  const dataset = await putCaptioned();
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
    expect.stringMatching(/CLIPScore.*\(clip-vitb32\) at equal samples: peer 1.02, toy 1.02; difference 0/),
    expect.stringMatching(/CLIPScore.*: not measured in both toy and unmeasured\.$/),
  ]);
});

test('pictures without captions have no column, and a CLIP without its tokenizer counts as none', async () => {
  await train(await putToyDataset(lab.blobs, { count: COUNT, heldOut: 2 }));
  await install(['model']);
  expect(whyNot(await evaluate())).toBe(
    'the weights of no CLIP are installed; install them: easel models install clip-vitb32',
  );
  await install(['model', 'tokenizer']);
  const table = await evaluate();
  expect([table.clip, whyNot(table)]).toEqual(['clip-vitb32', 'no picture of the split val has a caption']);
});
