import { expect, test } from 'vitest';
import { gridSchema, takeArms } from '../configs/grid.ts';
import { changeBase, checkChanges, nameWithData, parseGridFile, readGridFile, splitValues } from './grid-file.ts';

const FILE = 'configs/ablation.yaml';

test('the grid of the original project has four arms, 5,000 steps, 7,000 pictures and three questions', () => {
  const grid = parseGridFile(gridSchema, readGridFile(FILE), FILE);
  expect(Object.keys(grid.arms)).toEqual(['A', 'B', 'C', 'D']);
  expect(grid).toMatchObject({ steps: 5000, subset: 7000 });
  expect(grid.questions.map(({ base, arm }) => base + arm)).toEqual(['AB', 'BC', 'CD']);
  const some = takeArms(grid, ['B', 'D']);
  expect([Object.keys(some.arms), some.baseline, some.questions]).toEqual([['B', 'D'], undefined, []]);
  // The report of the whole grid stays.
  expect(some.title).toBe('ablation B D');
  expect(takeArms(grid, []).title).toBeUndefined();
});

test('values are split at commas outside of brackets and quotes', () => {
  expect(splitValues('0.001,2e-3,true,text')).toEqual([0.001, 0.002, true, 'text']);
  expect(splitValues('[1,2],{"a":[3,4]},"b,c"')).toEqual([[1, 2], { a: [3, 4] }, 'b,c']);
});

test('a base is changed by keys, whether it is a name or an object', () => {
  const changes = { model: { depth: 2 } };
  expect(changeBase('tiny-b', undefined, changes)).toEqual({ preset: 'tiny-b', ...changes });
  expect(changeBase({ preset: 'a', model: { num_heads: 2 } }, undefined, changes)).toEqual({
    preset: 'a',
    model: { num_heads: 2, depth: 2 },
  });
  expect(changeBase('tiny-b', 'portraits', {})).toBe('portraits');
});

test('a grid is named after its dataset', () => {
  expect(nameWithData('ablation', 'photos')).toBe('ablation-photos');
  expect(nameWithData('ablation', `sha256:${'ab'.repeat(32)}`)).toBe('ablation-abababab');
});

test('a wrong key of a grid is named with its file', () => {
  expect(() => parseGridFile(gridSchema, { name: 'g', base: 'x', arms: { A: { confg: {} } } }, 'my.yaml')).toThrow(
    'my.yaml: unknown key arms.A.confg (did you mean arms.A.config?)',
  );
  const questions = [{ question: '?', base: 'A', arm: 'A', measure: ['loss'] }];
  expect(() => parseGridFile(gridSchema, { name: 'g', base: 'x', arms: { A: {} }, questions }, 'my.yaml')).toThrow(
    /did you mean questions\.0\.measures\?/,
  );
  expect(() => readGridFile('no-such.yaml')).toThrow('cannot read no-such.yaml');
});

test('a change of what the runs set themselves is refused', () => {
  expect(() => checkChanges({ seed: 3 })).toThrow('--set states the seed');
  expect(() => checkChanges({ optimizer: { total_samples: 400 } })).toThrow('optimizer.total_samples');
  expect(() => checkChanges({ run: { target: 400 } })).toThrow('run.target');
  checkChanges({ optimizer: { learning_rate: 0.1 }, run: { chunk_steps: 5 } });
});
