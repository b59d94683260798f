import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { estimateSchema } from '../configs/estimate.ts';
import { Forbidden, InvalidInput, Unprocessable } from '../errors.ts';
import type { Json } from '../storage/canonical.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { digestSchema } from '../storage/records.ts';
import { parseCaptionServers } from './captions/caption-servers.ts';
import { createDescriber } from './captions/describer.ts';
import { encodePng, renderSvgRgb } from './pictures/image.ts';
import { startModelServer } from './testing/model-server.ts';
import { createPictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

let root: string;
let folder: string;
/** Bytes of all pictures. */
let bytes = 0;
const COUNT = 30;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'easel-estimate-'));
  folder = join(root, 'My Pictures');
  await mkdir(join(folder, 'sub'), { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="${48 + (i % 3)}"><rect width="64" height="60" fill="hsl(${12 * i},80%,50%)"/><circle cx="${2 * i}" cy="20" r="${5 + (i % 7)}"/></svg>`;
    const png = await encodePng(await renderSvgRgb(svg));
    bytes += png.length;
    const name = join(folder, i % 2 ? 'sub' : '.', `${String(i).padStart(2, '0')}`);
    await writeFile(`${name}.png`, png);
    await writeFile(`${name}.txt`, `a circle in front of the colour ${i}`);
  }
  await writeFile(join(folder, 'notes.pdf'), 'no picture');
});
afterAll(() => rm(root, { recursive: true }));

const openLab = () => createPictureLab({ importRoots: [root], clock: SYSTEM_CLOCK });
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => new Error('it succeeded'),
    error => error,
  );

test('the estimate names the stages that prepare runs, and the disk that it needs; the probe leaves no dataset', async () => {
  const lab = openLab();
  const body: Json = { dataset: 'mine', folder, size: 32 };
  const estimate = estimateSchema.parse(await lab.executor.callEffect('estimate', { prepare: body, pictures: 10 }));
  expect(estimate.found).toEqual({ files: 2 * COUNT + 1, pictures: COUNT, bytes, texts: COUNT });
  expect(estimate.probe).toMatchObject({ pictures: 10, rejected: 0, uncaptioned: 0 });
  expect(estimate.problems).toEqual([]);
  expect(await listKeys(lab.store, 'refs/')).toEqual([]);
  expect(await listKeys(lab.store, 'datasets/')).toEqual([]);

  const phases: string[] = [];
  const onEvent = ({ phase }: { phase: string }) => void (phases.at(-1) !== phase && phases.push(phase));
  const answer = z
    .looseObject({ digest: digestSchema })
    .parse(await lab.executor.callEffect('prepare', body, { onEvent }));
  const stages = phases.filter(phase => phase !== 'store');
  expect(estimate.stages.map(({ name }) => name)).toEqual([...stages, 'report']);
  for (const { name, seconds, seconds_per_picture: each } of estimate.stages) {
    if (name !== 'report') expect(seconds, name).toBeCloseTo(COUNT * each, 6);
    expect(seconds, name).toBeGreaterThanOrEqual(0);
  }
  expect(estimate.seconds).toBeGreaterThan(0);

  const { pages } = await lab.dataset(answer.digest);
  let stored = bytes;
  for (const digest of pages.flatMap(page => Object.values(page.columns)))
    stored += (await lab.blobs.head(digest))?.size ?? 0;
  expect(estimate.disk.originals_bytes).toBe(bytes);
  expect(estimate.disk.total_bytes / stored).toBeGreaterThan(0.9);
  expect(estimate.disk.total_bytes / stored).toBeLessThan(1.15);
});

test('a rule that leaves out the first pictures does not end the estimate; one that leaves out all names them', async () => {
  const mixed = join(root, 'mixed');
  await mkdir(mixed);
  for (let i = 0; i < 6; i++) {
    const shape = i === 0 ? '<circle cx="40" cy="40" r="9"/>' : '';
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80"><rect width="80" height="80" fill="hsl(${50 * i},80%,50%)"/>${shape}</svg>`;
    await writeFile(join(mixed, `${i}.png`), await encodePng(await renderSvgRgb(svg)));
  }
  // The sharpness of one colour is 0.
  const prepare = { dataset: 'mine', folder: mixed, size: 32, missing_captions: 'empty', rules: { blur: { min: 1 } } };
  const lab = openLab();
  // Whichever picture the probe begins at, of 2 neighbours in some call both are plain.
  for (let i = 0; i < 6; i++) {
    const lab = createPictureLab({ importRoots: [root], clock: { ...SYSTEM_CLOCK, now: () => 6_000_000 + i } });
    const estimate = estimateSchema.parse(await lab.executor.callEffect('estimate', { prepare, pictures: 6 }));
    expect(estimate.probe).toMatchObject({ pictures: 6, rejected: 5 });
  }
  const none = { ...prepare, rules: { blur: { min: 1_000_000 } } };
  const failure = await failureOf(lab.executor.callEffect('estimate', { prepare: none, pictures: 2 }));
  expect(failure).toBeInstanceOf(Unprocessable);
  expect(failure.message).toMatch(/^no picture can be taken: [0-5]\.png \(/);
});

test('what a killed estimate leaves is deleted half a day later, and no dataset of another name', async () => {
  const objects: MemoryObjects = new Map();
  const whole = createMemoryStore(objects);
  const copies: MemoryObjects[] = [];
  const put: typeof whole.put = async (key, ...rest) => {
    const written = await whole.put(key, ...rest);
    if (key.startsWith('refs/datasets/')) copies.push(new Map(objects));
    return written;
  };
  const lab = createPictureLab({ store: { ...whole, put }, importRoots: [root], clock: SYSTEM_CLOCK });
  const body: Json = { dataset: 'mine', folder, size: 32 };
  await lab.executor.callEffect('estimate', { prepare: body, pictures: 1 });
  const [left] = copies;
  if (left === undefined) throw new Error('the estimate named no dataset');
  const [probe = '', written] = [...left].find(([key]) => key.startsWith('refs/datasets/')) ?? [];
  if (written === undefined) throw new Error('the estimate had no dataset');
  const other = 'refs/datasets/estimate-deadbeef.json';
  left.set(other, { ...written, key: other });
  const store = createMemoryStore(left);
  const names = () => listKeys(store, 'refs/datasets/');
  const estimateAfter = (hours: number) =>
    createPictureLab({
      store,
      importRoots: [root],
      clock: { ...SYSTEM_CLOCK, now: () => Date.now() + hours * 3_600_000 },
    }).executor.callEffect('estimate', { prepare: body, pictures: 1 });
  await estimateAfter(11);
  expect(await names()).toContain(probe);
  await estimateAfter(13);
  expect(await names()).toEqual([other]);
});

test('a mistake in the body of prepare is found before anything long begins', async () => {
  const lab = openLab();
  const ask = (prepare: Record<string, Json>) => failureOf(lab.executor.callEffect('estimate', { prepare }));
  expect((await ask({ dataset: 'mine', folder, size: 32, sise: 3 })).message).toContain('sise');
  expect(await ask({ dataset: 'mine', source: 'portraits', count: 3 })).toBeInstanceOf(InvalidInput);
  expect(await ask({ dataset: 'mine', folder: '/' })).toBeInstanceOf(Forbidden);
  const tars = join(root, 'tars');
  await mkdir(tars);
  await writeFile(join(tars, 'shard-000000.tar'), '');
  expect(await lab.executor.callEffect('estimate', { prepare: { dataset: 'mine', folder: tars } })).toMatchObject({
    found: { files: 1, pictures: 0 },
    probe: { pictures: 0 },
    problems: ['nothing is measured: the folder has tars, and no picture beside them'],
  });
  const empty = join(root, 'empty');
  await mkdir(empty);
  await writeFile(join(empty, 'a.pdf'), '');
  const error = await ask({ dataset: 'mine', folder: empty });
  expect(error).toBeInstanceOf(Unprocessable);
  expect(error.message).toBe(`"${empty}" has no picture by its name among 1 file`);
  expect(await listKeys(lab.store, 'refs/')).toEqual([]);
});

test('captions are looked for in tables, too; pictures without one are told before the call refuses them', async () => {
  const lab = openLab();
  const place = await writeBars('tables', { uncaptioned: 3 });
  const ask = async (more: Record<string, Json>) =>
    estimateSchema.parse(
      await lab.executor.callEffect('estimate', { prepare: { dataset: 'x', folder: place, size: 32, ...more } }),
    );
  const estimate = await ask({});
  expect(estimate.probe).toMatchObject({ pictures: 12, uncaptioned: 3 });
  expect(estimate.problems).toEqual([expect.stringMatching(/^3 of 12 measured pictures have no caption/)]);
  expect((await ask({ missing_captions: 'empty' })).problems).toEqual([]);
});

test('a model is asked about few pictures, and only for the share that it will describe is its time counted', async () => {
  await using server = await startModelServer();
  const describer = createDescriber(parseCaptionServers({ EASEL_OLLAMA: server.url }), { clock: SYSTEM_CLOCK });
  const lab = createPictureLab({ importRoots: [root], clock: SYSTEM_CLOCK, describer });
  const ask = async (place: string, captions: Record<string, Json>) => {
    const prepare = {
      dataset: 'x',
      folder: place,
      size: 32,
      captions: { source: 'ollama', words: [10, 30], ...captions },
    };
    return estimateSchema.parse(await lab.executor.callEffect('estimate', { prepare }));
  };
  const secondsOf = ({ stages }: Awaited<ReturnType<typeof ask>>) =>
    stages.find(({ name }) => name === 'caption')?.seconds_per_picture ?? 0;

  server.delayMs = 40;
  const some = await writeBars('some', { uncaptioned: 3 });
  const quarter = await ask(some, {});
  // Before the four that are measured, the model is loaded.
  expect(server.questions).toHaveLength(5);
  expect(quarter.probe.uncaptioned).toBe(3);
  expect(quarter.assumptions).toContain('25 % of the pictures have no caption, so the model is asked about them alone');
  expect(secondsOf(quarter)).toBeGreaterThan(0);
  const whole = await ask(some, { which: 'all', seed: 9 });
  expect(whole.problems).toEqual([]);
  expect(secondsOf(whole)).toBeGreaterThan(2 * secondsOf(quarter));

  // Nobody is asked where nothing is to be described.
  server.questions.length = 0;
  expect((await ask(await writeBars('all', { uncaptioned: 0 }), {})).assumptions.at(-1)).toMatch(/no model was asked/);
  expect(server.questions).toEqual([]);

  // Refused answers are told before the model is asked about all.
  server.forQuestion = () => ({ text: 'A cat.' });
  const { problems } = await ask(some, { seed: 5 });
  expect(problems).toEqual([
    expect.stringMatching(
      /^the answers of the model about 4 of 4 pictures were refused: \d+\.png \(too short: 2 words\), /,
    ),
  ]);
});

/** Twelve pictures, the first of them without a caption in the table beside them. */
async function writeBars(name: string, { uncaptioned }: { readonly uncaptioned: number }): Promise<string> {
  const place = join(root, name);
  await mkdir(place);
  const lines: string[] = [];
  for (let i = 0; i < 12; i++) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="${4 + 3 * i}" height="40" fill="hsl(${30 * i},80%,50%)"/></svg>`;
    await writeFile(join(place, `${i}.png`), await encodePng(await renderSvgRgb(svg)));
    if (i >= uncaptioned) lines.push(JSON.stringify({ file_name: `${i}.png`, text: `bar ${i}` }));
  }
  await writeFile(join(place, 'metadata.jsonl'), lines.join('\n'));
  return place;
}
