import { expect, test } from 'vitest';
import { planDemo } from './options.ts';

test('a demo with another text encoder has names of its own, and `words` is the usual one', () => {
  const usual = planDemo([]);
  expect(planDemo(['--text', 'words'])).toEqual(usual);
  expect(planDemo(['--text', 'minilm-l6', '--samples', '128'])).toMatchObject({
    text: 'minilm-l6',
    dataset: 'portraits-64-minilm-l6',
    experiment: 'portraits-64-minilm-l6-128',
    out: 'out/demo-64-minilm-l6-128',
  });
  expect(usual).not.toHaveProperty('text');
});
