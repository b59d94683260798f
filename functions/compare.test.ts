import { beforeAll, describe, expect, test } from 'vitest';
import { suiteSchema } from '../configs/validation-suite.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { createRefs } from '../storage/names/refs.ts';
import { nameOf } from './compare.ts';
import type { ComparisonReport } from './comparison/comparison-report.ts';
import { changeHead } from './experiments/experiment-head.ts';
import { deleteReport } from './operations/delete-report.ts';
import { encodePng } from './pictures/image.ts';
import { failureOf } from './testing/functions.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;
let report: ComparisonReport;
let page: string;

/** Three seeds of two arms; the second arm halves the loss. */
beforeAll(async () => {
  lab = createTrainingLab();
  for (const seed of [0, 1, 2]) {
    for (const arm of ['slow', 'fast']) {
      const rate = arm === 'slow' ? 0.001 : 0.002;
      lab.runner.metrics = { 'sys/cpu_seconds_per_iter': arm === 'slow' ? 0.5 : 0.25 };
      lab.runner.logOf = step => ({ loss: ((arm === 'slow' ? 2 : 1) + seed / 100) / step });
      await lab.create(`${arm}-${seed}`, {
        ...TOY_CONFIG,
        seed,
        optimizer: { ...TOY_CONFIG.optimizer, learning_rate: rate },
      });
      await lab.executor.callEffect('train', { experiment: `${arm}-${seed}` });
    }
  }
  await lab.executor.callEffect('compare', BODY);
  report = JSON.parse(await read('report.json'));
  page = await read('report.html');
});

const BODY = {
  groups: { slow: ['slow-0', 'slow-1', 'slow-2'], fast: ['fast-0', 'fast-1', 'fast-2'] },
  title: 'Fast & slow',
  questions: [
    { question: 'Is it faster?', base: 'slow', arm: 'fast', measures: ['loss', 'loss_slope', 'processor', 'nonsense'] },
  ],
};

async function read(file: string): Promise<string> {
  return Buffer.from((await lab.store.get(`reports/fast-slow/${file}`))?.body ?? []).toString();
}

describe('a comparison', () => {
  test('says in one sentence which arm is better, by which number and how sure that is', () => {
    expect(report.verdict).toEqual({
      sentence:
        'fast is better than slow at equal samples and equal FLOPs: training loss, mean of the last tenth of the ' +
        'steps, fast 0.0652, slow 0.130 (fast less slow −0.0646 [−0.0646, −0.0646]) over 6 runs.',
      better: 'fast',
      measure: 'loss',
    });
    expect(page).toContain(`<p class="verdict">${report.verdict.sentence}</p>`);
  });

  test('has the same numbers as the logs: means over seeds, their spread, a paired interval', () => {
    const [row] = report.views[0]?.rows ?? [];
    // Steps 15 and 16 are the last tenth of 16; the losses of seed s are (2 + s / 100) / step.
    const tail = (1 / 15 + 1 / 16) / 2;
    expect(row?.arms.slow?.mean).toBeCloseTo(2.01 * tail, 12);
    expect(row?.arms.slow?.sd).toBeCloseTo(0.01 * tail, 12);
    expect(row?.differences.fast).toMatchObject({ real: 'yes', better: true, by: 'seeds', of: 6 });
    expect(row?.differences.fast?.mean).toBeCloseTo(-tail, 12);
  });

  test('answers questions by measures, and says what was not measured', () => {
    expect(report.answers[0]?.sentences).toEqual([
      expect.stringMatching(/^training loss.* fast 0.0652, slow 0.130; .*−49.8 %. The difference is real.$/),
      'fast reaches the loss that slow ends with (0.126) after 54.2 % of its samples.',
      expect.stringMatching(/^slope of the training loss/),
      expect.stringMatching(
        /^processor time of a step .* fast 0.250 s, slow 0.500 s; .*−50 %. The difference is real.$/,
      ),
      'nonsense: not measured in both slow and fast.',
    ]);
  });

  test('shows which keys of the configs differ, and pictures from the same noise', () => {
    expect(report.config_differences).toEqual([
      { key: 'optimizer.learning_rate', values: { slow: 0.001, fast: 0.002 } },
    ]);
    expect(report.pictures).toEqual([
      {
        title: 'Previews',
        at: 'samples',
        columns: ['a red hat'],
        rows: [
          { experiment: 'slow-0', arm: 'slow', step: 16 },
          { experiment: 'fast-0', arm: 'fast', step: 16 },
        ],
        same_noise: true,
      },
    ]);
    expect(page.match(/data:image\/webp/g)).toHaveLength(2);
  });

  test('is one page that reads nothing else', () => {
    expect(page).not.toMatch(/<script|<link|(?:src|href)="(?!data:)|url\(/);
    expect(page).toContain('<h1>Fast &amp; slow</h1>');
    expect(page.length).toBeLessThan(3e6);
    expect(report.notes).toEqual([expect.stringMatching(/^Seconds are not known of slow-0, .*fast-2\.$/)]);
  });

  test('the same call again makes nothing anew', async () => {
    const before = await createRefs(lab.store).reports.read('fast-slow');
    const again = await lab.executor.call('render-comparison', { runs: before?.value.runs ?? '' });
    expect(again.cache).toBe('hit');
    await lab.executor.callEffect('compare', BODY);
    expect(await createRefs(lab.store).reports.read('fast-slow')).toEqual(before);
  });

  test.each([
    [{ experiments: ['slow-0', 'slou-1'] }, 404, 'there is no experiment "slou-1"'],
    [{ experiments: ['slow-0'], baseline: 'x' }, 400, 'baseline: there is no arm "x"'],
    [{ experiments: ['slow-0'], title: '---' }, 400, 'no name can be made of the title "---"'],
  ])('%j is refused', async (body, status, message) => {
    expect(await failureOf(lab.executor.callEffect('compare', body))).toMatchObject({ status, message });
  });

  test('one experiment alone, and one that is not trained, are reported as that', async () => {
    await lab.create('idle');
    await lab.executor.callEffect('compare', { experiments: ['slow-0'], title: 'alone' });
    const answer = await lab.executor.callEffect('compare', { experiments: ['slow-0', 'idle'] });
    expect(answer).toMatchObject({
      name: 'slow-0-and-idle',
      folder: 'reports/slow-0-and-idle/',
      verdict: { better: null, sentence: expect.stringMatching(/^It cannot be told/) },
    });
    const alone = await lab.store.get('reports/alone/report.json');
    expect(JSON.parse(Buffer.from(alone?.body ?? []).toString()).verdict.sentence).toBe(
      'There is nothing to compare slow-0 with.',
    );
  });
});

test('scores and pictures of validations decide before losses, and alarms of a run stand before the numbers', async () => {
  const pixels = { data: new Uint8Array(3 * 16 * 16).fill(90), width: 16, height: 16 };
  const { digest } = await lab.blobs.put(await encodePng(pixels), 'image/png');
  const ids = Array.from({ length: 20 }, (_, i) => `p${i}`);
  for (const [name, step, shift] of [
    ['slow-0', 8, 0.1],
    ['slow-1', 8, 0.1],
    ['fast-0', 8, 0],
    ['fast-1', 8, 0],
  ] as const) {
    const values = { feature_distance: ids.map((_, i) => 0.3 + shift + i / 100) };
    const score = { of: 'full', against: 'own', about: 'a test', ids, values, summaries: {}, document: digest };
    const picture = { id: 'p0', caption: 'a cat', image: { digest, size: 1, media_type: 'image/png' } };
    // As the suite writes it.
    const document = suiteSchema.parse({
      ...{
        v: 1,
        kind: 'validation-suite',
        checkpoint: digest,
        dataset: digest,
        step,
        pictures: 20,
        seed: 42,
        steps: 2,
      },
      ...{ high_guidance: 4, extractor: 'dct', why_extractor: 'a test', controls: [], drift: [], links: [digest] },
      tests: [
        { test: 'reconstruction', weights: 'ema', about: '', scores: [{ ...score, score: 'full' }], differences: [] },
      ],
      drawn: [{ draw: 'text', weights: 'ema', about: '', index: digest, pictures: [picture], skipped: [] }],
    });
    const suite = await putDocument(lab.blobs, JSON.parse(JSON.stringify(document)));
    await changeHead(lab.store, name, head => ({
      ...head,
      chunks: head.chunks.map(chunk => ({
        ...chunk,
        ...(chunk.to === 4 && name === 'slow-0' && { skipped: 2 }),
        ...(chunk.to === step && { artifacts: { ...chunk.artifacts, suite: suite.digest } }),
      })),
    }));
  }
  const groups = { slow: ['slow-0', 'slow-1'], fast: ['fast-0', 'fast-1'] };
  await lab.executor.callEffect('compare', { groups, title: 'suite' });
  const found = JSON.parse(Buffer.from((await lab.store.get('reports/suite/report.json'))?.body ?? []).toString());
  expect(found.verdict).toMatchObject({ better: 'fast', measure: 'reconstruction/feature_distance' });
  expect(found.verdict.sentence).toContain('over 20 pictures');
  expect(found.pictures[0]).toMatchObject({
    title: 'Validation: held-out pictures from their captions alone',
    columns: ['a cat'],
    rows: [{ step: 8 }, { step: 8 }],
    same_noise: true,
  });
  expect(found.notes).toContainEqual(expect.stringMatching(/^slow-0: 2 of 16 steps were skipped/));
  const curve = found.curves.find(({ measure }: { measure: string }) => measure === 'reconstruction/feature_distance');
  expect(curve.lines[0].points).toHaveLength(1);
});

describe('the view of a report', () => {
  test('is known to verify, which writes it again, and to gc, which keeps what it is made of', async () => {
    await lab.store.delete('reports/fast-slow/report.html');
    const found = await lab.executor.callEffect('verify', { rebuild_views: true });
    expect(found).toMatchObject({ ok: true, unreadable: { total: 0 }, views: { failed: { total: 0 } } });
    expect(await read('report.html')).toBe(page);
    const garbage = await lab.executor.callEffect('gc', {});
    expect(garbage).toMatchObject({ missing: [] });
  });

  test('goes with its name', async () => {
    await lab.executor.callEffect('compare', { experiments: ['slow-0'], title: 'gone' });
    expect(await listKeys(lab.store, 'reports/gone/')).toHaveLength(2);
    await deleteReport(lab.store, 'gone');
    expect(await listKeys(lab.store, 'reports/gone/')).toEqual([]);
    expect(await failureOf(deleteReport(lab.store, 'gone'))).toMatchObject({ status: 404 });
  });
});

test.each([
  ['AdamW and Muon', 'adamw-and-muon'],
  ['  Größe: 2×  ', 'gro-e-2'],
  ['a'.repeat(100), 'a'.repeat(63)],
])('the title %j becomes a name', (title, name) => {
  expect(nameOf(title)).toBe(name);
});
