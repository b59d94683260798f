/** @file The answers of a model to yes-or-no questions in a table of quality, by a server on loopback. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Evaluation } from '../configs/evaluation.ts';
import type { Suite } from '../configs/validation-suite.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readColumn } from '../formats/webdataset.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { FakeTime, SLEEP_PASSES } from '../storage/testing/fake-time.ts';
import { parseCaptionServers } from './captions/caption-servers.ts';
import { createDescriber } from './captions/describer.ts';
import type { ComparisonReport } from './comparison/comparison-report.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { encodePng } from './pictures/image.ts';
import { letterOf, putCaptioned } from './testing/axis-clip.ts';
import { GEMMA_DIGEST, type Misbehaviour, type Question, startModelServer } from './testing/model-server.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const server = await startModelServer();
afterAll(() => server[Symbol.asyncDispose]());

const COUNT = 6;
const captionOf = (i: number) => `a hat of the kind ${letterOf(i)}.`;
const body = { checkpoint: 'toy', samples: 2, steps: 2, conditions: ['text'], vqa: { source: 'ollama' } };

let lab: TrainingLab;
let objects: MemoryObjects;
let dataset: Digest;
/** By the PNG in base64: the letter of the caption. */
let letters: Map<string, string>;

function openLab(store = createMemoryStore(objects)): TrainingLab {
  const servers = parseCaptionServers({
    EASEL_OLLAMA: server.url,
    EASEL_OPENAI: `${server.url}/v1`,
    EASEL_CAPTION_CONCURRENCY: '1',
  });
  const clock = new FakeTime(SLEEP_PASSES).clock();
  return createTrainingLab(store, { describer: createDescriber(servers, { clock, random: () => 0.5 }) });
}

/** `toy`, trained. */
const trained: MemoryObjects = new Map();
beforeAll(async () => {
  lab = openLab(createMemoryStore(trained));
  dataset = await putCaptioned(lab, { count: COUNT, heldOut: 2 }, captionOf);
  letters = await readLetters();
  await train('toy');
});
beforeEach(() => {
  server.questions.length = 0;
  server.script.length = 0;
  server.forQuestion = judge;
  objects = new Map(trained);
  lab = openLab();
});

async function train(name: string): Promise<void> {
  await createExperiment(lab, name, { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: name, target: 8 });
}

async function readLetters(): Promise<Map<string, string>> {
  const [page] = (await readDataset(lab.blobs, dataset)).pages;
  const members = [...readColumn(await lab.blobs.get(page?.columns.image ?? dataset)).values()];
  const pairs = members.map(async (member, i) => {
    const { shape, data } = decodeNpy(member);
    const [, height = 0, width = 0] = shape;
    const png = await encodePng({ data: data as Uint8Array, width, height });
    return [Buffer.from(png).toString('base64'), letterOf(i)] as const;
  });
  return new Map(await Promise.all(pairs));
}

/** Knows the real pictures, and is of two minds about others. */
function judge({ prompt, png }: Question): Misbehaviour {
  const own = letters.get(png.toString('base64'));
  const named = /the kind (\w)\?/.exec(prompt)?.[1];
  const yes = own === undefined ? 0.5 : own === named ? 0.9 : 0.2;
  return { text: yes > 0.4 ? 'Yes' : 'No', likely: { Yes: yes, No: 1 - yes } };
}

const evaluate = (more = {}, of = lab) =>
  of.executor.callEffect('evaluate', { ...body, ...more }) as unknown as Promise<
    Evaluation & { readonly document: Digest }
  >;
const rowOf = ({ rows }: Evaluation, name: string) => rows.find(({ row }) => row === name)?.vqa;
const about = (table: Evaluation) => table.missing.filter(({ column }) => column === 'vqa').map(({ why }) => why);

test('each picture is asked about with its own caption and another one, and the probability of yes counts', async () => {
  const table = await evaluate();
  expect([table.vqa, about(table)]).toEqual(['gemma3:27b (ollama)', []]);
  const near = (mean: number) => ({ mean: expect.closeTo(mean, 9), low: expect.closeTo(mean, 9) });
  expect(rowOf(table, 'real')).toMatchObject({
    ...{ pictures: 2, right: near(0.9), distractor: near(0.2), difference: near(0.7) },
    ...{ by: { probability: 4, text: 0, unclear: 0 }, model_digests: [GEMMA_DIGEST] },
  });
  // Each shows another real picture than its caption says.
  expect(rowOf(table, 'random')?.right.mean).toBeCloseTo(0.2, 9);
  for (const row of ['drawn', 'noise'])
    expect(rowOf(table, row)).toMatchObject({ right: near(0.5), difference: near(0) });
  const [first] = server.questions;
  expect(first).toMatchObject({ temperature: 0, likelihoods: true });
  expect(
    server.questions.every(({ prompt }) =>
      /^Does this picture show: a hat of the kind \w\? Answer yes or no\.$/.test(prompt),
    ),
  ).toBe(true);
  expect(table.links).toBeUndefined();
});

test('a second call asks nothing, and one that was killed goes on from the answers that are there', async () => {
  const before: MemoryObjects = new Map(objects);
  await evaluate();
  const asked = server.questions.length;
  await evaluate();
  expect(server.questions).toHaveLength(asked);

  server.questions.length = 0;
  objects = before;
  const deaths = [3, 9];
  for (const death of deaths) await expect(evaluate({}, openLab(dieAfter(death)))).rejects.toThrow();
  await evaluate({}, openLab());
  // Of each killed call, the answer that was not yet kept is asked for again, and no other.
  expect(server.questions).toHaveLength(asked + deaths.length);
});

/** A store whose process is gone as soon as the server was asked so many questions. */
function dieAfter(questions: number) {
  return interceptStore(createMemoryStore(objects), (_, run) => {
    if (server.questions.length >= questions) throw new Error('killed');
    return run();
  });
}

test('of a server that tells no probabilities, the share of yes counts, and one that always says yes is seen', async () => {
  server.forQuestion = () => ({ text: 'Yes, it does.' });
  const table = await evaluate({ vqa: { source: 'openai', model: 'agreeable' } });
  expect(rowOf(table, 'real')).toMatchObject({
    ...{ right: { mean: 1 }, distractor: { mean: 1 }, difference: { mean: 0, low: 0, high: 0 } },
    by: { probability: 0, text: 4, unclear: 0 },
  });
  expect(about(table)).toEqual([
    'the answers say nothing: agreeable does not tell the captions of real pictures from those of others, it says ' +
      'yes to 100 % of the right ones and 100 % of the others',
  ]);
});

test('answers that are neither yes nor no are counted, and leave no column if all are', async () => {
  let count = 0;
  server.forQuestion = question => (count++ === 0 ? { text: 'Perhaps.' } : judge(question));
  expect(rowOf(await evaluate(), 'real')).toMatchObject({ pictures: 1, by: { probability: 3, text: 0, unclear: 1 } });
  server.forQuestion = () => ({ text: 'I cannot tell.' });
  const table = await evaluate({ vqa: { source: 'openai', model: 'shy' } });
  expect(rowOf(table, 'real')).toBeUndefined();
  expect(about(table)).toEqual([expect.stringContaining('no answer was yes or no')]);
});

test('nobody is asked unless the call says so, and a server in trouble is asked again', async () => {
  const { vqa: _, ...plain } = body;
  const table = (await lab.executor.callEffect('evaluate', plain)) as unknown as Evaluation;
  expect([server.questions, about(table)]).toEqual([[], ['no model was to be asked: `vqa` names one']]);
  server.script.push({ status: 503 }, { wire: 'cut' }, { raw: '<html>' });
  expect(rowOf(await evaluate(), 'real')?.right.mean).toBeCloseTo(0.9, 9);
});

test('samples is the number of pictures of each row that the model is asked about', async () => {
  const table = await evaluate({ vqa: { source: 'ollama', samples: 1 } });
  expect(table.rows.map(row => row.vqa?.pictures)).toEqual(table.rows.map(() => 1));
});

test.each<[object, string | RegExp]>([
  [{ source: 'openai' }, 'nothing names a model of openai'],
  [{ source: 'ollama', question: 'Is it good?' }, 'with the place {caption}, once'],
  [{ source: 'ollama', question: '{caption} or {caption}?' }, 'with the place {caption}, once'],
  [{ source: 'openai', model: 'x', model_digest: 'a'.repeat(12) }, 'only ollama tells the digests'],
  [{ source: 'ollama', model: 'absent' }, 'does not have the model absent'],
  [{ source: 'ollama', samples: 0 }, 'samples'],
  [{ source: 'nobody' }, 'source'],
])('%j is refused before anything is drawn', async (vqa, message) => {
  const drawn = lab.runner.computed.length;
  await expect(evaluate({ vqa })).rejects.toThrow(message);
  expect(lab.runner.computed).toHaveLength(drawn);
});

test('a report compares the answers picture by picture', async () => {
  await train('peer');
  for (const checkpoint of ['toy', 'peer']) await evaluate({ checkpoint });
  await lab.executor.callEffect('compare', {
    ...{ experiments: ['toy', 'peer'], title: 'answers' },
    questions: [{ question: 'Does it obey?', base: 'toy', arm: 'peer', measures: ['quality/text/vqa'] }],
  });
  const file = await lab.store.get('reports/answers/report.json');
  const report = JSON.parse(Buffer.from(file?.body ?? []).toString()) as ComparisonReport;
  for (const measure of ['quality/text/vqa', 'quality/text/vqa_difference']) {
    const row = report.views[0]?.rows.find(each => each.measure === measure);
    expect(row?.arms, measure).toMatchObject({ toy: { pictures: 2 }, peer: { pictures: 2 } });
  }
  expect(report.answers.map(({ sentences }) => sentences[0])).toEqual([
    expect.stringMatching(
      /yes to the caption \(VQA\) \(gemma3:27b \(ollama\)\).*: peer 0\.500, toy 0\.500; difference 0/,
    ),
  ]);
});

test('a validation asks about pictures with captions, and about the real ones', async () => {
  const call = async (more = {}) =>
    (await lab.executor.callEffect('validate', {
      ...{ checkpoint: 'toy', count: 2, tests: ['text', 'unconditional'], weights: ['ema'], steps: 2 },
      ...{ vqa: { source: 'ollama' }, ...more },
    })) as unknown as Suite;
  const suite = await call();
  expect(suite.vqa).toBe('gemma3:27b (ollama)');
  const scores = [...suite.tests.flatMap(each => each.scores), ...suite.controls];
  const of = (name: string) => scores.find(({ score }) => score === name)?.values;
  const near = (value: number) => expect.closeTo(value, 9);
  expect(of('text')).toMatchObject({ vqa: [near(0.5), near(0.5)], vqa_difference: [near(0), near(0)] });
  expect(of('real')).toMatchObject({ vqa: [near(0.9), near(0.9)], vqa_difference: [near(0.7), near(0.7)] });
  expect(of('unconditional')).not.toHaveProperty('vqa');
  const asked = server.questions.length;
  await call();
  expect(server.questions).toHaveLength(asked);
  const refused = call({ tests: ['text'], vqa: { source: 'ollama', model: 'absent' } });
  await expect(refused).rejects.toThrow('text: Ollama at');
});

test('the pictures of a call that names none of both, or both, are not clear', async () => {
  const call = (more: object) => lab.executor.call('vqa-score', { source: 'ollama', model: 'gemma3:27b', ...more });
  await expect(call({})).rejects.toThrow('it is not clear which pictures to score');
  await expect(call({ dataset })).rejects.toThrow('it is not clear which pictures to score');
});
