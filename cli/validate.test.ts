import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MEASURE_NAMES } from '../configs/picture-scores.ts';
import { readValidation } from './commands/validate.ts';
import { formatValidation, type Validation, validationSchema } from './format-suite.ts';
import { checkValidationFolder, writeValidation } from './write-validation.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const PICTURE = `sha256:${'1'.repeat(64)}`;
const COLLAGE = `sha256:${'2'.repeat(64)}`;

const interval = (mean: number) => ({ n: 25, mean, low: mean - 1, high: mean + 1 });
const score = (name: string, mean: number, without = {}) => ({
  ...{ score: name, of: 'full', against: 'own', about: '', ids: ['a'], values: {}, document: DIGEST, without },
  summaries: Object.fromEntries(
    MEASURE_NAMES.filter(measure => !/^lpips|^cls_distance|^vqa/.test(measure)).map(measure => [
      measure,
      { ...interval(mean), sd: 1, min: 0, max: 2, median: mean },
    ]),
  ),
});
/** Joints are the measure that was made of fewer pictures. */
const ofFewer = (scored: ReturnType<typeof score>) => ({
  ...scored,
  ...{ joints_by: 'dwpose', summaries: { ...scored.summaries, pck: { ...scored.summaries.pck, n: 4 } } },
});
const blob = (digest: string) => ({ digest, size: 3, media_type: 'image/png' });

const SUITE = {
  ...{ v: 1, kind: 'validation-suite', checkpoint: DIGEST, dataset: DIGEST, step: 700, pictures: 25 },
  ...{ steps: 25, guidance: 1.5, seed: 42, solver: 'euler', time_grid: 'uniform', guidance_method: 'cfg' },
  ...{ high_guidance: 4, extractor: 'dct', why_extractor: 'it is built in', clip: 'clip-vitb32' },
  tests: [
    {
      ...{ test: 'reconstruction', weights: 'ema', about: 'from all signals' },
      left_out: [{ reason: 'its caption is empty', pictures: 2 }],
      scores: [score('full', 20), score('floor', 3, { lpips: 'the pictures are too small' })],
      differences: [{ difference: 'full_over_floor', about: '', measures: { psnr: interval(17) } }],
      attributes: [{ of: 'full', measured: 25, own: { hair: { right: 20, of: 25 } }, edited: { right: 3, of: 4 } }],
      collage: blob(COLLAGE),
    },
    { test: 'pose', weights: 'ema', about: 'the pose alone', skipped: 'no pose', scores: [], differences: [] },
  ],
  controls: [ofFewer(score('noise', 5))],
  drift: [
    {
      ...{ test: 'reconstruction', score: 'full', weights: 'ema', measure: 'psnr', course: [] },
      change: { since: 600, ...interval(0.5) },
    },
  ],
};

const ANSWER: Validation = validationSchema.parse({ ...SUITE, experiment: 'cats', document: DIGEST });

test('the answer is a table with intervals, differences, control rows, drift and attributes', () => {
  expect(formatValidation(ANSWER)).toEqual([
    'cats, step 700: 25 held-out pictures, seed 42, 25 steps, guidance 1.5',
    'features by dct: it is built in',
    'fit of pictures and captions by clip-vitb32',
    '',
    '                   n   feature_distance         color_distance     ssim                     psnr               pck                     clip_score',
    'reconstruction, ema: from all signals',
    '  full             25  20.000 [19.000, 21.000]  20.0 [19.0, 21.0]  20.000 [19.000, 21.000]  20.0 [19.0, 21.0]  20.00 [19.00, 21.00]    20.000 [19.000, 21.000]',
    '  floor            25  3.000 [2.000, 4.000]     3.0 [2.0, 4.0]     3.000 [2.000, 4.000]     3.0 [2.0, 4.0]     3.00 [2.00, 4.00]       3.000 [2.000, 4.000]',
    '  full_over_floor  25  -                        -                  -                        17.0 [16.0, 18.0]  -                       -',
    'controls: no model drew them',
    '  noise            25  5.000 [4.000, 6.000]     5.0 [4.0, 6.0]     5.000 [4.000, 6.000]     5.0 [4.0, 6.0]     5.00 [4.00, 6.00] of 4  5.000 [4.000, 6.000]',
    'drift since step 600, ema',
    '  reconstruction   25  -                        -                  -                        0.5 [-0.5, 1.5]    -                       -',
    '',
    'attributes that are shown    hair   edited',
    '  reconstruction, ema: full  20/25  3/4',
    '',
    'means with intervals of 95 %; more alike: higher ssim, psnr, pck, clip_score, lower feature_distance, color_distance',
    'results.json also has ms_ssim, pck_05 and oks',
    'joints were found by dwpose',
    'pose was left out: no pose',
    'reconstruction leaves out 2 pictures, each because its caption is empty',
    'without lpips: the pictures are too small',
  ]);
});

test('the files of a validation are written as the view has them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const drawn = [
    {
      ...{ draw: 'full', weights: 'ema', about: 'all signals', index: DIGEST, skipped: [] },
      pictures: [{ id: 'a', caption: 'a cat', image: blob(PICTURE) }],
    },
  ];
  const blobs = new Map([
    [DIGEST, JSON.stringify({ ...SUITE, drawn, links: [] })],
    [PICTURE, 'cat'],
    [COLLAGE, 'cats'],
  ]);
  const bytes = async (path: string) => Buffer.from(blobs.get(path.replace('/objects/', '')) ?? '');
  await writeValidation({ bytes }, DIGEST, folder);
  expect((await readdir(folder)).sort()).toEqual(['full-ema', 'reconstruction-ema.png', 'results.json']);
  expect(await readFile(join(folder, 'full-ema', '000.png'), 'utf8')).toBe('cat');
  expect(await readFile(join(folder, 'reconstruction-ema.png'), 'utf8')).toBe('cats');
  expect(JSON.parse(await readFile(join(folder, 'results.json'), 'utf8'))).toMatchObject({
    tests: [{ collage: 'reconstruction-ema.png' }, {}],
    drawn: [{ pictures: [{ file: 'full-ema/000.png', id: 'a', caption: 'a cat' }] }],
  });
});

/** A folder, and how a validation with so many pictures of some draws is written into it. */
async function openFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'easel-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const write = async (draws: Readonly<Record<string, number>>, tests: readonly object[] = SUITE.tests) => {
    const drawn = Object.entries(draws).map(([draw, count]) => ({
      ...{ draw, weights: 'ema', about: '', index: DIGEST, skipped: [] },
      pictures: Array.from({ length: count }, (_, i) => ({ id: `${i}`, caption: '', image: blob(PICTURE) })),
    }));
    const document = JSON.stringify({ ...SUITE, tests, drawn, links: [] });
    const bytes = async (path: string) => Buffer.from(path.endsWith(DIGEST) ? document : 'picture');
    await writeValidation({ bytes }, DIGEST, folder);
  };
  const list = async () => (await readdir(folder, { recursive: true })).filter(name => name.includes('.')).sort();
  return { folder, write, list };
}

test('a smaller validation leaves no picture of an earlier one in the folder, and takes away no other file', async () => {
  const { folder, write, list } = await openFolder();
  await write({ full: 3, text: 2, pose: 1 });
  await writeFile(join(folder, 'text-ema', 'notes.txt'), 'mine');
  await writeFile(join(folder, 'full-ema', '007.png'), 'mine');
  await write({ full: 1 }, SUITE.tests.slice(1));
  expect(await list()).toEqual(['full-ema/000.png', 'full-ema/007.png', 'results.json', 'text-ema/notes.txt']);
  expect(await readdir(folder)).not.toContain('pose-ema');
});

test('places outside of the folder, and of other names, are no pictures of a validation', async () => {
  const { folder, write, list } = await openFolder();
  await mkdir(join(folder, 'other'));
  const results = {
    kind: 'validation-suite',
    tests: [{ collage: '../swap-ema.png' }],
    drawn: [{ pictures: [{ file: '../other/000.png' }, { file: 'notes.txt' }, { file: 7 }] }],
  };
  await writeFile(join(folder, 'results.json'), JSON.stringify(results));
  for (const name of ['notes.txt', 'other/000.png']) await writeFile(join(folder, name), 'mine');
  await checkValidationFolder(folder);
  await write({}, []);
  expect(await list()).toEqual(['notes.txt', 'other/000.png', 'results.json']);
});

test.each([
  ['results.json', '{ "tests": [], "drawn": [] }'],
  ['results.json', '{'],
  ['swap-ema.png', 'mine'],
  ['full-ema/000.png', 'mine'],
])(
  'a folder with a file %s of something else is refused before the work, and stays as it is: %s',
  async (name, text) => {
    const { folder, write, list } = await openFolder();
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
    const refused = { status: 400, message: expect.stringContaining(`${name} is there`), hint: expect.any(String) };
    await expect(checkValidationFolder(folder)).rejects.toMatchObject(refused);
    const collage = { ...SUITE.tests[0], test: 'swap' };
    await expect(write({ full: 1 }, [collage])).rejects.toMatchObject(refused);
    expect([await list(), await readFile(join(folder, name), 'utf8')]).toEqual([[name], text]);
  },
);

test('a folder that a validation has filled takes the next one, also after a kill', async () => {
  const { folder, write, list } = await openFolder();
  await write({ full: 3 });
  await rm(join(folder, 'full-ema', '001.png'));
  await checkValidationFolder(folder);
  await write({ full: 2 });
  expect(await list()).toEqual(['full-ema/000.png', 'full-ema/001.png', 'reconstruction-ema.png', 'results.json']);
});

test('a link among the pictures of a validation is replaced, and the file to which it leads stays', async () => {
  const { folder, write } = await openFolder();
  await write({ full: 1 });
  const [letter, picture] = [join(folder, 'letter'), join(folder, 'full-ema', '000.png')];
  await writeFile(letter, 'mine');
  await rm(picture);
  await symlink(letter, picture);
  await write({ full: 1 });
  expect([await readFile(letter, 'utf8'), await readFile(picture, 'utf8')]).toEqual(['mine', 'picture']);
});

test('a place where nothing can be written is refused before the work', async () => {
  const { folder } = await openFolder();
  await writeFile(join(folder, 'file'), '');
  await expect(checkValidationFolder(join(folder, 'file'))).rejects.toThrow('cannot be made');
  await expect(checkValidationFolder('/proc/self')).rejects.toThrow('nothing can be written into /proc/self');
  await expect(checkValidationFolder('')).rejects.toThrow('"" is no folder');
  await mkdir(join(folder, 'results.json'));
  await expect(checkValidationFolder(folder)).rejects.toThrow('results.json is there');
});

test.each([
  [{}, { checkpoint: 'cats' }],
  [
    { step: '700', raw: true },
    { checkpoint: 'cats@700', weights: ['raw'] },
  ],
  [{ 'pose-samples': '4' }, { checkpoint: 'cats', pose_samples: 4 }],
  [
    { extractor: 'mine', vqa: 'openai=a/b' },
    { checkpoint: 'cats', extractor: 'mine', vqa: { source: 'openai', model: 'a/b' } },
  ],
  [
    { step: 'best', ema: true, raw: true, tests: 'text, drift', count: '4' },
    { checkpoint: 'cats@best', weights: ['ema', 'raw'], tests: ['text', 'drift'], count: 4 },
  ],
])('the options %j are the body of a call', (options, body) => {
  expect(readValidation({ _: ['cats'], experiment: 'cats', ...options })).toEqual(body);
});

test('a step beside NAME@STEP is refused, and a count that is no number', () => {
  expect(() => readValidation({ _: ['cats@500'], experiment: 'cats@500', step: '700' })).toThrow(
    'does not go with cats@500',
  );
  expect(() => readValidation({ _: ['cats'], experiment: 'cats', count: 'all' })).toThrow('--count all is wrong');
  const few = { _: ['cats'], experiment: 'cats', 'pose-samples': '-1' };
  expect(() => readValidation(few)).toThrow('--pose-samples -1 is wrong');
});

test('several experiments are refused, with the command that compares them', () => {
  expect(() => readValidation({ _: ['cats', 'dogs'], experiment: 'cats' })).toThrow('cats, dogs are named');
});
