import { expect, test } from 'vitest';
import { findOwnKey } from './own-keys.ts';

test.each([
  [{ seed: 0 }, 'seed'],
  [{ seed: 3, optimizer: { total_samples: 400 } }, 'seed'],
  [{ optimizer: { total_samples: 400 } }, 'optimizer.total_samples'],
  [{ run: { target: 400 } }, 'run.target'],
  [{ seed: null, optimizer: { total_samples: null }, run: { target: null } }, undefined],
  [{ optimizer: { learning_rate: 0.1 }, run: { chunk_steps: 5 } }, undefined],
  [{ optimizer: null }, undefined],
])('%j states the key %s of the runs', (changes, key) => {
  expect(findOwnKey(changes)).toBe(key);
});
