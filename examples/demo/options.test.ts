import { expect, test } from 'vitest';
import { InvalidInput } from '../../errors.ts';
import { planDemo, USAGE } from './options.ts';

test('a demo with another text encoder has names of its own, and `words` is the usual one', () => {
  const usual = planDemo([]);
  expect(planDemo(['--text', 'words'])).toEqual(usual);
  expect(planDemo(['--text', 'minilm-l6', '--samples', '128'])).toMatchObject({
    text: 'minilm-l6',
    dataset: 'portraits-64-minilm-l6-varied',
    experiment: 'portraits-64-minilm-l6-varied-128',
    out: 'out/demo-64-minilm-l6-varied-128',
  });
  expect(usual).not.toHaveProperty('text');
});

test('captions have varied wording for every encoder but `words`, and take twice as many samples', () => {
  expect(planDemo([])).toMatchObject({ isVaried: false, asksFreely: false, samples: 22_000 });
  expect(planDemo(['--wording', 'plain'])).toEqual(planDemo([]));
  expect(planDemo(['--text', 'minilm-l6'])).toMatchObject({
    isVaried: true,
    asksFreely: true,
    samples: 44_000,
    experiment: 'portraits-64-minilm-l6-varied',
  });
  expect(planDemo(['--wording', 'varied'])).toMatchObject({
    isVaried: true,
    asksFreely: true,
    samples: 44_000,
    dataset: 'portraits-64-varied',
    experiment: 'portraits-64-varied',
  });
  expect(planDemo(['--text', 'minilm-l6', '--wording', 'plain'])).toMatchObject({
    isVaried: false,
    asksFreely: true,
    samples: 22_000,
    dataset: 'portraits-64-minilm-l6',
    experiment: 'portraits-64-minilm-l6',
  });
  expect(USAGE).toContain('with --wording varied 44000 samples, and 1');
});

test('sets with several captions of each picture have no wordings', () => {
  expect(planDemo(['--set', 'emoji', '--text', 'minilm-l6'])).toMatchObject({
    isVaried: false,
    asksFreely: false,
    samples: 40_000,
    dataset: 'emoji-64-minilm-l6',
  });
  for (const wording of ['varied', 'plain'])
    expect(() => planDemo(['--set', 'emoji', '--wording', wording])).toThrow(
      `--wording ${wording} does not go with --set emoji`,
    );
  expect(() => planDemo(['--wording', 'many'])).toThrow(InvalidInput);
  expect(() => planDemo(['--wording', 'many'])).toThrow('--wording many is wrong');
});
