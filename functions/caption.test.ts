import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { InvalidInput, Unprocessable } from '../errors.ts';
import { decodeNpy } from '../formats/npy.ts';
import { packTar } from '../formats/tar.ts';
import { readColumn } from '../formats/webdataset.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { FakeTime, SLEEP_PASSES } from '../storage/testing/fake-time.ts';
import type { ObjectStore } from '../storage/types.ts';
import { parseCaptionServers } from './captions/caption-servers.ts';
import { createDescriber } from './captions/describer.ts';
import { readDatasetHead } from './datasets/dataset-head.ts';
import { decodeRgb, encodePng, renderSvgRgb } from './pictures/image.ts';
import { NO_LIMITS } from './pictures/limits.ts';
import { toPlanar } from './pictures/planar.ts';
import { GEMMA_DIGEST, startModelServer } from './testing/model-server.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

const server = await startModelServer();
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.questions.length = 0;
  server.script.length = 0;
  server.forQuestion = () => ({});
});

function openLab(store?: ObjectStore): PictureLab {
  const servers = parseCaptionServers({ EASEL_OLLAMA: server.url, EASEL_OPENAI: `${server.url}/v1` });
  const clock = new FakeTime(SLEEP_PASSES).clock();
  return createPictureLab({ ...(store && { store }), describer: createDescriber(servers, { clock }) });
}

/** A picture of one colour that shows its number. */
const picture = (n: number) =>
  renderSvgRgb(
    `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32"><rect width="48" height="32" fill="#${(n * 4099 + 1234567).toString(16).padStart(6, '0').slice(-6)}"/><rect x="${n % 40}" y="${n % 24}" width="8" height="8" fill="#fff"/></svg>`,
  ).then(encodePng);

/** Uploads pictures 00.png ..., those with a text have a caption. */
async function upload(lab: PictureLab, texts: readonly (string | undefined)[]): Promise<Digest> {
  const members: [string, Uint8Array][] = [];
  for (const [n, text] of texts.entries()) {
    const name = String(n).padStart(2, '0');
    members.push([`${name}.png`, await picture(n)]);
    if (text !== undefined) members.push([`${name}.txt`, Buffer.from(text)]);
  }
  return (await lab.blobs.put(packTar(members), 'application/x-tar')).digest;
}

const WORDS = [10, 30] as const;
const BY_OLLAMA = { source: 'ollama', words: [...WORDS] };

function prepare(lab: PictureLab, tar: Digest, captions?: Json, more: Readonly<Record<string, Json>> = {}) {
  return lab.executor.callEffect('prepare', {
    dataset: 'x',
    tar,
    size: 32,
    ...(captions !== undefined && { captions }),
    ...more,
  });
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error('it succeeded'),
    error => error,
  );

async function datasetOf(lab: PictureLab) {
  const head = await readDatasetHead(lab.store, 'x');
  if (head === undefined) throw new Error('there is no dataset x');
  return { digest: head.value.dataset, dataset: await lab.dataset(head.value.dataset) };
}

/** Members of a column of the dataset x. */
async function membersOf(lab: PictureLab, column: 'caption' | 'image'): Promise<Map<string, Uint8Array>> {
  const { dataset } = await datasetOf(lab);
  const all = await Promise.all(
    dataset.pages.map(async page => [...readColumn(await lab.blobs.get(page.columns[column] ?? ('' as Digest)))]),
  );
  return new Map(all.flat());
}

/** Captions by name, with their variants. */
async function captionsOf(lab: PictureLab): Promise<Record<string, string[]>> {
  const members = [...(await membersOf(lab, 'caption'))];
  const items = await lab.items((await datasetOf(lab)).digest);
  return Object.fromEntries(
    items.map(({ id, name }) => [
      name,
      members.filter(([member]) => member.startsWith(id)).map(([, text]) => Buffer.from(text).toString()),
    ]),
  );
}

test.each(['ollama', 'openai'])('%s describes the pictures without a caption, as they are trained on', async source => {
  const lab = openLab();
  const tar = await upload(lab, ['a caption of its own', undefined, undefined]);
  const answer = await prepare(lab, tar, { source, model: 'gemma3:27b', words: [...WORDS] });
  const captions = await captionsOf(lab);
  expect(captions['00.png']).toEqual(['a caption of its own']);
  for (const name of ['01.png', '02.png']) expect(captions[name]).toEqual([expect.stringMatching(/^A \w+ with a /)]);
  expect(server.questions).toHaveLength(2);

  const trained = [...(await membersOf(lab, 'image')).values()].map(bytes =>
    Buffer.from(Uint8Array.from(decodeNpy(bytes).data)),
  );
  for (const { png, prompt, seed } of server.questions) {
    const seen = toPlanar(await decodeRgb(png, NO_LIMITS));
    expect(trained.some(pixels => pixels.equals(seen.data))).toBe(true);
    expect(prompt).toContain('one paragraph of 10 to 30 words in English');
    expect(seed).toBe(1);
  }
  const by = source === 'ollama' ? ` (${GEMMA_DIGEST.slice(0, 12)})` : '';
  expect(answer).toMatchObject({
    summary: expect.arrayContaining([
      'captions: every picture has one',
      expect.stringContaining(`2 captions are written by gemma3:27b of ${source}${by}`),
    ]),
  });
});

test('a repeated call asks nothing, also on another server while the model is away; an edited prompt asks again', async () => {
  const store = createMemoryStore();
  const lab = openLab(store);
  const tar = await upload(lab, [undefined, undefined]);
  await prepare(lab, tar, BY_OLLAMA);
  const first = await captionsOf(lab);
  // The lab without a describer reaches no model.
  await prepare(createPictureLab({ store }), tar, { ...BY_OLLAMA, model: 'gemma3:27b' });
  expect(server.questions).toHaveLength(2);
  expect(await captionsOf(lab)).toEqual(first);
  await prepare(lab, tar, { ...BY_OLLAMA, prompt: 'Name all colours in {language}.' });
  expect(server.questions.slice(2).map(({ prompt }) => prompt)).toEqual(Array(2).fill('Name all colours in English.'));
});

test('a call that dies in a page goes on from the captions that are there', async () => {
  const store = createMemoryStore();
  const lab = openLab(store);
  const tar = await upload(lab, Array(9).fill(undefined));
  let left = 5;
  server.forQuestion = () => (left-- > 0 ? {} : { status: 400, raw: '{"error":"out of order"}' });
  expect(await failureOf(prepare(lab, tar, BY_OLLAMA))).toBeInstanceOf(Unprocessable);
  const before = server.questions.length;
  server.forQuestion = () => ({});
  expect(await listKeys(store, 'actions/caption-piece/')).toHaveLength(5);
  expect(await listKeys(store, 'actions/caption/')).toHaveLength(0);
  await prepare(openLab(store), tar, BY_OLLAMA);
  expect(server.questions.length - before).toBe(4);
});

test('pictures that leave and join change no other caption', async () => {
  const lab = openLab();
  await prepare(lab, await upload(lab, [undefined, undefined, undefined]), { ...BY_OLLAMA, temperature: 1 });
  const before = await captionsOf(lab);
  server.questions.length = 0;
  // The page is packed again without the third picture.
  await prepare(lab, await upload(lab, [undefined, undefined]), { ...BY_OLLAMA, temperature: 1 });
  expect(server.questions).toEqual([]);
  expect(await captionsOf(lab)).toEqual({ '00.png': before['00.png'], '01.png': before['01.png'] });
});

test('which: all describes every picture; the text of its file can stand in the prompt', async () => {
  const lab = openLab();
  const tar = await upload(lab, ['Maria, left', undefined]);
  await prepare(lab, tar, { ...BY_OLLAMA, which: 'all', prompt: 'Describe it. Known: {caption}.' });
  expect(server.questions.map(({ prompt }) => prompt).sort()).toEqual([
    'Describe it. Known: .',
    'Describe it. Known: Maria, left.',
  ]);
  for (const texts of Object.values(await captionsOf(lab)))
    expect(texts).toEqual([expect.stringMatching(/^A \w+ with a /)]);
});

test('several prompts make several captions of a picture, each with seeds of its own, and all are encoded', async () => {
  const lab = openLab();
  const tar = await upload(lab, [undefined]);
  await prepare(lab, tar, { ...BY_OLLAMA, prompt: ['Short.', 'Long.'], variants: 3, seed: 7 });
  const asked = server.questions.map(({ prompt, seed }) => [prompt, seed]);
  expect(asked).toEqual([
    ['Short.', 7],
    ['Long.', 1007],
    ['Short.', 2007],
  ]);
  const { '00.png': texts = [] } = await captionsOf(lab);
  expect(new Set(texts).size).toBe(3);
  const { dataset } = await datasetOf(lab);
  expect(readColumn(await lab.blobs.get(dataset.pages[0]?.columns.text ?? ('' as Digest))).size).toBe(3);
});

describe('answers that are refused', () => {
  const BAD = [
    { text: '' },
    { text: '<think>What is it?' },
    { text: 'A red door. '.repeat(9) },
    { text: 'A red door in', finish: 'length' },
  ];

  test('are asked for again with the next seed', async () => {
    const lab = openLab();
    server.script.push(...BAD.slice(0, 3));
    await prepare(lab, await upload(lab, [undefined]), BY_OLLAMA);
    expect(server.questions.map(({ seed }) => seed)).toEqual([1, 2, 3, 4]);
    expect(await captionsOf(lab)).toEqual({ '00.png': [expect.stringMatching(/^A \w+ with a /)] });
  });

  test('leave the picture without a caption after all attempts: an error that names it, or a note', async () => {
    const lab = openLab();
    const tar = await upload(lab, [undefined, undefined]);
    let first: Buffer | undefined;
    server.forQuestion = ({ png }) => {
      first ??= png;
      return png.equals(first) ? { text: '' } : {};
    };
    const error = await failureOf(prepare(lab, tar, BY_OLLAMA));
    expect(error).toBeInstanceOf(Unprocessable);
    expect(error.message).toMatch(
      /^1 picture has fewer captions than asked for: the answers of gemma3:27b were refused: 0[01]\.png \(empty\)$/,
    );
    expect(error.details.pictures).toEqual([{ name: expect.stringMatching(/^0[01].png$/), text: 'empty' }]);
    expect(server.questions).toHaveLength(5);

    const answer = await prepare(lab, tar, BY_OLLAMA, { missing_captions: 'empty' });
    expect(answer).toMatchObject({
      notes: expect.arrayContaining([expect.objectContaining({ code: 'caption_refused', count: 1 })]),
    });
    expect(Object.values(await captionsOf(lab)).filter(([text]) => text === '')).toHaveLength(1);
    expect(server.questions).toHaveLength(5);

    // More attempts ask about the refused picture alone.
    server.forQuestion = () => ({});
    await prepare(lab, tar, { ...BY_OLLAMA, attempts: 5 });
    expect(server.questions).toHaveLength(6);
    expect(Object.values(await captionsOf(lab)).flat()).not.toContain('');
  });

  test('of a picture that has a caption already leave it that caption', async () => {
    const lab = openLab();
    server.forQuestion = () => ({ text: '' });
    await prepare(lab, await upload(lab, ['my words']), { ...BY_OLLAMA, which: 'all' });
    expect(await captionsOf(lab)).toEqual({ '00.png': ['my words'] });
  });
});

test('progress counts pictures before their page is finished', async () => {
  const lab = openLab();
  const tar = await upload(lab, Array(5).fill(undefined));
  const seen: number[] = [];
  await lab.executor.callEffect(
    'prepare',
    { dataset: 'x', tar, size: 32, captions: BY_OLLAMA },
    {
      onEvent: ({ phase, metrics }) => {
        if (phase === 'caption' && metrics?.items !== undefined) seen.push(metrics.items);
      },
    },
  );
  expect(seen).toEqual([1, 2, 3, 4, 5, 5]);
});

describe('a call of caption', () => {
  test('by a model needs the column image; from files it does not', async () => {
    const lab = openLab();
    const tar = await upload(lab, ['its caption']);
    const imported = (await lab.executor.callEffect('import', { dataset: 'y', tar })) as { originals: Digest };
    const call = (body: Json) => lab.executor.call('caption', { dataset: imported.originals, ...(body as object) });
    const error = await failureOf(call({ source: 'ollama', model: 'gemma3:27b' }));
    expect(error.message).toBe('caption needs the column "image", which the dataset does not have');
    expect(outputOf(await call({}))).toMatch(/^sha256:/);
  });

  test.each([
    [{ model: 'gemma3:27b' }, 'only for the sources ollama and openai'],
    [{ source: 'openai', model: 'x', model_digest: 'a'.repeat(12) }, 'only ollama tells the digests'],
    [
      { source: 'ollama', model: 'x', prompt: 'Look: {image}' },
      'there is no place {image}; expected {words}, {language}',
    ],
    [{ source: 'ollama', model: 'x', words: [9, 3] }, 'expected the fewest words first'],
    [{ source: 'ollama', model: 'http://x/ y' }, 'expected the name of a model'],
    [{ source: 'ollama', url: 'http://169.254.169.254/' }, 'url'],
  ])('%j is refused: %s', async (body, message) => {
    const lab = openLab();
    const { digest } = await lab.blobs.put(Buffer.from('{}'));
    const error = await failureOf(lab.executor.call('caption', { dataset: digest, ...body }));
    expect(error).toBeInstanceOf(InvalidInput);
    expect(JSON.stringify([error.message, error.details])).toContain(message);
  });

  test('without a model is refused, and so is prepare when the environment names none', async () => {
    const lab = openLab();
    const tar = await upload(lab, ['one']);
    await prepare(lab, tar);
    const { digest } = await datasetOf(lab);
    const error = await failureOf(lab.executor.call('caption', { dataset: digest, source: 'openai' }));
    expect(error).toMatchObject({ code: 'invalid_input', message: 'model is missing' });
    const prepared = await failureOf(prepare(lab, tar, { source: 'openai' }));
    expect(prepared).toMatchObject({ code: 'invalid_input', hint: expect.stringContaining('EASEL_OPENAI_MODEL') });
  });
});
