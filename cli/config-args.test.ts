import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { translateBlock } from '../configs/seed-block/translate-block.ts';
import { InvalidInput } from '../errors.ts';
import { describeTranslation, readConfigArgs } from './config-args.ts';

const folder = mkdtempSync(join(tmpdir(), 'easel-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(text: string): string {
  const path = join(folder, 'config.yaml');
  writeFileSync(path, text);
  return path;
}

test('a config of a command is a preset, its axes or a file, with changes', () => {
  expect(readConfigArgs({ named: 'prod-1', changes: { seed: 3 } })).toEqual({ preset: 'prod-1', seed: 3 });
  expect(readConfigArgs({ recipe: 'seed', changes: {} })).toEqual({ preset: { recipe: 'seed' } });
  expect(readConfigArgs({ changes: { seed: 3 } })).toEqual({ seed: 3 });
  const file = fileOf('preset: tiny-b\nmodel: { depth: 3 }\n');
  expect(readConfigArgs({ named: file, changes: {} })).toBe('preset: tiny-b\nmodel: { depth: 3 }\n');
  const changes = { model: { num_heads: 6 } };
  expect(readConfigArgs({ named: fileOf('tiny-b'), changes })).toEqual({ preset: 'tiny-b', ...changes });
  fileOf('preset: tiny-b\nmodel: { depth: 3 }\n');
  expect(readConfigArgs({ named: file, changes })).toEqual({ preset: 'tiny-b', model: { depth: 3, num_heads: 6 } });
});

test('a config of a command is refused when it cannot be read, or its parts do not go together', () => {
  expect(() => readConfigArgs({ named: './none.yaml', changes: {} })).toThrow(InvalidInput);
  expect(() => readConfigArgs({ named: 'prod-1', size: 'prod-2', changes: {} })).toThrow('do not go with prod-1');
  const block = fileOf('model:\n  depth: 3\ntraining:\n  batch_size: 2\n');
  expect(() => readConfigArgs({ named: block, changes: { seed: 1 } })).toThrow('--set does not go with');
});

test('what became of each key of a translated config is told in a line', () => {
  const translation = translateBlock({ training: { total_steps: 10, grad_accumulation_steps: 4 } });
  expect(describeTranslation(translation)).toEqual([
    'training.total_steps 10 -> optimizer.total_samples 40 (10 updates of 4 samples)',
    'training.grad_accumulation_steps 4 -> data.batch_size 4 (4 micro-batches are one update)',
  ]);
});
