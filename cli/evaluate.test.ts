import { expect, test } from 'vitest';
import type { EvaluationRow } from '../configs/evaluation.ts';
import { readEvaluation } from './commands/evaluate.ts';
import { type Evaluated, formatEvaluation } from './format-evaluation.ts';

const compared = { extractor: 'dct', real: 100, drawn: 9, k: 5, density: 1, comparison: 'sha256:c', about: 'a row' };
const row = (name: string, kid: number, more: Partial<EvaluationRow> = {}): EvaluationRow => ({
  ...{ ...compared, row: name, kid: { mean: kid, sd: 0.1 }, fd: 12.34, precision: 0.5, recall: 0.25, coverage: 0.75 },
  ...more,
});
const mean = (value: number) => ({ mean: value, low: value, high: value });

const FOUND: Evaluated = {
  ...{ v: 1, kind: 'evaluation', checkpoint: 'sha256:a', dataset: 'sha256:b', extractor: 'dct' },
  ...{ why_extractor: 'the first that no training saw', samples: 9, seed: 42, experiment: 'cats', step: 500 },
  document: 'sha256:d',
  rows: [
    row('drawn', 0.1234, {
      condition: 'text',
      fidelity: { psnr: mean(21.43) },
      attributes: { hair: { right: 9, of: 10, share: 0.9, low: 0.6, high: 1 } },
    }),
    row('real', -0, { fidelity: { psnr: mean(150) } }),
  ],
  missing: [{ column: 'clip', why: 'the weights of no CLIP are installed' }],
};

test('a table of quality has the columns that some row tells, and says what it lacks', () => {
  expect(formatEvaluation(FOUND)).toEqual([
    'cats, step 500: 9 held-out pictures in each row',
    'features by dct: the first that no training saw',
    '',
    '              KID    FD    precision  recall  coverage  PSNR   hair',
    'drawn (text)  0.123  12.3  0.50       0.25    0.75      21.4   0.90',
    'real          0.000  12.3  0.50       0.25    0.75      150.0  -',
    '',
    'without clip: the weights of no CLIP are installed',
  ]);
});

test('a table of the split test says so, and which checkpoints it has judged before', () => {
  const nets = { 'lpips-vgg': mean(0.5) };
  const rows = [row('drawn', 0.1, { lpips_nets: nets, edited: { right: 1, of: 2, share: 0.5, low: 0, high: 1 } })];
  const lines = formatEvaluation({ ...FOUND, rows, missing: [], split: 'test', tested_before: [4, 8] });
  expect(lines[0]).toBe('cats, step 500: 9 held-out pictures in each row, of the split test');
  expect(lines.slice(3)).toEqual([
    '       KID    FD    precision  recall  coverage  lpips-vgg  edited',
    'drawn  0.100  12.3  0.50       0.25    0.75      0.500      0.50',
    '',
    'the split test judged step 4, 8 before: what is chosen between them by these numbers is no longer held out',
  ]);
});

test('the size of the pictures stands above the table', () => {
  const sizes = [
    { width: 64, height: 48, pictures: 7 },
    { width: 48, height: 64, pictures: 2 },
  ];
  expect(formatEvaluation({ ...FOUND, sizes })[1]).toBe('pictures in pixels: 7 of 64 x 48, 2 of 48 x 64');
});

test('the noise floor of a row stands below the table', () => {
  const floor = { psnr: mean(12.13), ssim: mean(0.301), lpips: mean(0.5) };
  const rows = [row('drawn', 0.1, { condition: 'text', noise_floor: floor })];
  expect(formatEvaluation({ ...FOUND, rows, missing: [] }).slice(-2)).toEqual([
    '',
    'drawn (text), the same from two noises: PSNR 12.1, SSIM 0.301, LPIPS 0.500',
  ]);
});

test('the options are the body of a call', () => {
  const options = { samples: '64', conditions: 'text, pose', beside: 'slow@500,fast', 'pose-samples': '0' };
  expect(readEvaluation({ _: ['cats'], experiment: 'cats', ...options })).toEqual({
    checkpoint: 'cats',
    samples: 64,
    conditions: ['text', 'pose'],
    beside: ['slow@500', 'fast'],
    pose_samples: 0,
  });
  expect(readEvaluation({ _: ['cats'], experiment: 'cats' })).toEqual({ checkpoint: 'cats' });
  const tested = readEvaluation({ _: ['cats'], experiment: 'cats', split: 'test' });
  expect(tested).toEqual({ checkpoint: 'cats', split: 'test' });
  const floored = readEvaluation({ _: ['cats'], experiment: 'cats', 'noise-floor': true });
  expect(floored).toEqual({ checkpoint: 'cats', noise_floor: true });
});

test('a model of a server is asked by its source, and its name where one is given', () => {
  const read = (options: object) => readEvaluation({ _: ['cats'], experiment: 'cats', ...options });
  expect(read({ vqa: 'ollama' })).toEqual({ checkpoint: 'cats', vqa: { source: 'ollama' } });
  expect(read({ vqa: 'openai=a/b=c', 'vqa-samples': '16' })).toEqual({
    checkpoint: 'cats',
    vqa: { source: 'openai', model: 'a/b=c', samples: 16 },
  });
  expect(() => read({ 'vqa-samples': '16' })).toThrow('--vqa-samples says of how many pictures nobody is asked');
});

test('several values of a setting are rows of a sweep, and one guidance is that of all rows', () => {
  const read = (options: object) => readEvaluation({ _: ['cats'], experiment: 'cats', ...options });
  expect(read({ guidance: '3' })).toEqual({ checkpoint: 'cats', guidance: 3 });
  expect(read({ guidance: '1, 1.5', weights: 'ema,average=1' })).toEqual({
    checkpoint: 'cats',
    sweep: { guidance: [1, 1.5], weights: ['ema', { average: 1 }] },
  });
  expect(() => read({ guidance: 'strong' })).toThrow('--guidance');
  expect(() => read({ weights: 'ema,average' })).toThrow('--weights average is wrong');
  const swept = { ...FOUND, rows: [row('sweep', 0.1, { condition: 'text', guidance: 1.5, weights: 'raw' })] };
  expect(formatEvaluation(swept).join('\n')).toContain('sweep (text, guidance 1.5, raw)  0.100');
});

test('several experiments are refused, with the option that compares them', () => {
  expect(() => readEvaluation({ _: ['cats', 'dogs'], experiment: 'cats' })).toThrow('cats, dogs are named');
});
