import { randomFillSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { encodePng } from '../pictures/image.ts';
import { buildReport } from './build-report.ts';
import type { ComparedRun, ComparedRuns } from './compared-runs.ts';
import { renderComparisonPage } from './comparison-page.ts';
import { putRun } from './testing/compared-runs.ts';

const blobs = createBlobStore(createMemoryStore(), LIFETIMES);
const { signal } = new AbortController();

async function render(parts: Pick<ComparedRuns, 'arms'> & Partial<ComparedRuns>) {
  const { report, grids } = await buildReport(
    blobs,
    { v: 1, kind: 'compared-runs', title: 'a title', questions: [], links: [], ...parts },
    signal,
  );
  return { report, page: await renderComparisonPage(report, grids) };
}

/** Changes what the chunk of a run has. */
const withChunk = (run: ComparedRun, change: Partial<ComparedRun['chunks'][number]>): ComparedRun => ({
  ...run,
  chunks: run.chunks.map(chunk => ({ ...chunk, ...change })),
});

test('names, captions and notes of others act nowhere, however long they are', async () => {
  const hostile = `</title><script>alert(1)</script><img src=x onerror="x">" onload='x' \u202eRTL ${'W'.repeat(5000)}`;
  const run = await putRun(blobs, 1, 0);
  const [preview] = run.chunks.flatMap(({ artifacts }) => artifacts.preview ?? []);
  const index = JSON.parse(Buffer.from(preview ? await blobs.get(preview) : []).toString());
  const pictures = index.pictures.map((picture: object) => ({ ...picture, prompt: hostile }));
  const told = (await putDocument(blobs, { ...index, pictures })).digest;
  const named = hostile.slice(0, 40);
  const { report, page } = await render({
    title: hostile.slice(0, 120),
    arms: [
      { name: named, runs: [withChunk({ ...run, notes: [hostile] }, { artifacts: { preview: told } })] },
      { name: 'constructor', runs: [withChunk(await putRun(blobs, 2, 0), { artifacts: { preview: told } })] },
      { name: '__proto__', runs: [{ ...run, experiment: 'idle', chunks: [] }] },
    ],
    questions: [{ question: hostile, base: named, arm: '__proto__', measures: ['loss'] }],
  });
  expect(page).not.toMatch(/<script|<img(?! src="data:image\/webp;base64,[\w+/=]+" alt="[^"]*" title="[^"]*">)|\u202e/);
  expect(page).toContain('&lt;script&gt;alert(1)');
  expect(report.pictures[0]?.columns.map(text => text.length)).toEqual([200]);
  expect(report.verdict).toMatchObject({ better: null });
  expect(report.answers[0]?.sentences[0]).toMatch(/not measured in both/);
  expect(report.views[0]?.rows[0]?.differences).not.toHaveProperty('__proto__');
});

test('a note that several runs share stands on the page once, with the names of all of them', async () => {
  const shared = 'the average with decay 0.9999 looks back over 10000 steps';
  const putNoted = async (rate: number, seed: number, ...notes: string[]) => ({
    ...(await putRun(blobs, rate, seed)),
    notes: [shared, ...notes],
  });
  const { report, page } = await render({
    arms: [
      { name: 'a', runs: [await putNoted(1, 0), await putNoted(1, 1)] },
      { name: 'b', runs: [await putNoted(2, 0), await putNoted(2, 1, 'the loss rises')] },
    ],
  });
  expect(report.notes).toEqual([`rate-1-0, rate-1-1, rate-2-0, rate-2-1: ${shared}.`, 'rate-2-1: the loss rises.']);
  expect(page.split(shared)).toHaveLength(2);
});

test('numbers of four arms stand in cells that wrap, not in a table that is wider than a desk', async () => {
  const arms = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (name, i) => ({ name, runs: [await putRun(blobs, i + 1, 0)] })),
  );
  const { report, page } = await render({ arms });
  const numbers = page.slice(page.indexOf('<h2>Numbers'), page.indexOf('<h2>Curves'));
  expect(numbers).not.toContain('<table');
  const measures = numbers.split('<div class="measure">').slice(1);
  expect(measures.length).toBeGreaterThan(2);
  for (const measure of measures) expect(measure.match(/<li><b><i class="arm-\d"><\/i>[abcd]<\/b> /g)).toHaveLength(4);
  const loss = report.views[0]?.rows.findIndex(({ measure }) => measure === 'loss') ?? -1;
  const [baseline, other] = measures[loss]?.split('<li>').slice(1) ?? [];
  expect([baseline, other].map(cell => cell?.includes('<div class="'))).toEqual([false, true]);
  expect(other).toMatch(/<\/div> <small>one run each<\/small>/);
});

test('the keys by which a loss means something else are those of a config', async () => {
  const [plain, changed] = await Promise.all([putRun(blobs, 1, 0), putRun(blobs, 2, 0)]);
  const config = JSON.parse(Buffer.from(await blobs.get(changed.config)).toString());
  const objective = { ...config.objective, t_clamp: 0.1, logit_normal_mean: 0.4 };
  const data = { ...config.data, horizontal_flip_prob: 0.5 };
  const other = { ...changed, config: (await putDocument(blobs, { ...config, objective, data })).digest };
  const [chunk] = changed.chunks;
  const validation = await putDocument(blobs, {
    ...{ v: 1, kind: 'validation', checkpoint: changed.dataset, times: [0.5], links: [] },
    held_out: { loss: 1, by_time: [1], velocity_norm: 1, pictures: 8 },
  });
  const artifacts = { ...chunk?.artifacts, validation: validation.digest };
  const { report, page } = await render({
    arms: [
      { name: 'a', runs: [plain] },
      { name: 'b', runs: [withChunk(other, { artifacts })] },
    ],
  });
  const keysOf = (measure: string) =>
    report.views[0]?.rows.find(row => row.measure === measure)?.differences.b?.incomparable;
  expect(keysOf('held_out_loss')).toEqual(['objective.t_clamp', 'run.validation.pictures']);
  expect(keysOf('loss')).toEqual(['objective.t_clamp', 'objective.logit_normal_mean', 'data.horizontal_flip_prob']);
  expect(page).toContain('not comparable: objective.t_clamp, run.validation.pictures differ');
});

test('48 runs with long logs, many validations and pictures of noise take less than 3 MB', async () => {
  const [count, length] = [59, 5];
  const run = await putRun(blobs, 1, 0);
  const noise = randomFillSync(new Uint8Array(3 * 128 * 128));
  const { digest } = await blobs.put(await encodePng({ data: noise, width: 128, height: 128 }), 'image/png');
  const preview = await putDocument(blobs, {
    ...{ v: 1, kind: 'previews', checkpoint: digest, steps: 2, seed: 0 },
    pictures: Array.from({ length: 8 }, (_, i) => ({
      prompt: `${i}`,
      image: { digest, size: 1, media_type: 'image/png' },
    })),
    links: [digest],
  });
  const logs = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const steps = Array.from({ length }, (_, k) => length * i + k + 1);
      const lines = steps.map(step => JSON.stringify({ step, loss: 1 / (step + 3) }));
      return (await blobs.put(Buffer.from(lines.join('\n')), 'application/jsonl')).digest;
    }),
  );
  const validations = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const held_out = { loss: 1 / (i + 2), by_time: [1], velocity_norm: 1, pictures: 4 };
      return (
        await putDocument(blobs, { v: 1, kind: 'validation', checkpoint: digest, times: [0.5], links: [], held_out })
      ).digest;
    }),
  );
  const chunks = validations.map((validation, i) => ({
    ...{ from: length * i, to: length * (i + 1), log: logs[i] ?? digest, metrics: { 'sys/iter_per_sec': 2 } },
    artifacts: { validation, ...(i === count - 1 && { preview: preview.digest }) },
  }));
  const arms = Array.from({ length: 12 }, (_, arm) => ({
    name: `arm ${arm}`,
    runs: Array.from({ length: 4 }, (_, seed) => ({
      ...run,
      experiment: `${'e'.repeat(60)}-${arm}-${seed}`,
      seed,
      chunks,
    })),
  }));
  const { report, page } = await render({ arms });
  expect(report.pictures).toHaveLength(1);
  expect(report.curves).toHaveLength(6);
  expect(Buffer.byteLength(page)).toBeLessThan(3e6);
});
