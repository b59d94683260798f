import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { gridSchema } from '../../configs/grid.ts';
import { parseYaml } from '../../configs/parse.ts';
import { resolveArm, stepsOf } from './arm-config.ts';

const resolve = (base: string | object, ...changes: object[]) =>
  resolveArm('arm x', { base: base as string, changes: changes as Record<string, unknown>[], seed: 3, steps: 50 });

describe('the config of an arm', () => {
  test('has its seed, and schedules over its steps with a warm-up that fits', async () => {
    const config = await resolve('portraits');
    expect(config.seed).toBe(3);
    expect(stepsOf(config)).toBe(50);
    expect(config.optimizer.warmup_samples).toBeLessThan(50 * 32);
  });

  test('takes later changes over earlier ones, and removes keys by null', async () => {
    const routed = { objective: { tread: { first_block: 1, last_block: -2 } }, data: { batch_size: 8 } };
    expect((await resolve('portraits', routed)).objective.tread).toMatchObject({ routing_probability: 0.5 });
    const plain = await resolve('portraits', routed, { objective: { tread: null } });
    expect(plain.objective.tread).toBeUndefined();
    expect(plain.data.batch_size).toBe(8);
  });

  test('takes another recipe at the size of the base, and keeps the other keys of the base', async () => {
    const base = { preset: { recipe: 'best', size: 'tiny-b' }, model: { patch_size: 4 } };
    const config = await resolve(base, { preset: { recipe: 'seed-literal' } });
    expect(config.model).toMatchObject({ hidden_size: 192, patch_size: 4, arch: 'cross', zero_init: false });
  });

  test('is refused with the name of the arm and the key', async () => {
    await expect(resolve('portraits', { model: { depht: 3 } })).rejects.toThrow(/^arm x: .*model\.depht/);
    await expect(resolve('no-such', {})).rejects.toMatchObject({ message: expect.stringContaining('no-such') });
  });

  test('is refused when the arm states a warm-up that is too long', async () => {
    await expect(resolve('portraits', { optimizer: { warmup_samples: 1500 } })).rejects.toThrow('warmup_samples');
  });
});

describe('a grid', () => {
  const ARMS = { A: {}, B: {} };
  const parse = (grid: object) => gridSchema.safeParse({ name: 'g', base: 'portraits', arms: ARMS, ...grid });
  test.each([
    [{ arms: { a: {}, A: {} } }, 'lower-case'],
    [{ arms: {} }, '1 to 12 arms'],
    [{ arms: { probe: {} } }, 'themselves'],
    [{ baseline: 'C' }, 'there is no arm C'],
    [{ questions: [{ question: '?', base: 'A', arm: 'Z', measures: ['loss'] }] }, 'there is no arm Z'],
    [{ steps: 5, seconds: 5 }, 'not both'],
    [{ seeds: [1, 1] }, 'each seed once'],
  ])('%j is refused', (grid, message) => {
    const { error } = parse(grid);
    expect(error?.issues.map(issue => issue.message).join()).toContain(message);
  });

  test('a key of YAML that is no JSON is refused', () => {
    expect(parse({ arms: { A: { config: parseYaml('a: .nan', 'x') } } }).success).toBe(false);
  });
});

describe('the arms A to D of the original project', () => {
  const grid = gridSchema.parse(parseYaml(readFileSync('configs/ablation.yaml', 'utf8'), 'ablation.yaml'));
  const bases = ['portraits', 'figures', 'seed-768', 'prod-1', { preset: { recipe: 'seed-literal', size: 'tiny-b' } }];

  test.each(bases)('differ in TREAD, optimizer and REPA alone, over the base %j', async base => {
    const arms = await Promise.all(
      ['A', 'B', 'C', 'D'].map(name => resolve(base, grid.config, grid.arms[name]?.config ?? {})),
    );
    expect(arms.map(({ objective: { tread } }) => tread?.routing_probability)).toEqual([undefined, 0.5, 0.5, 0.5]);
    expect(arms.map(({ optimizer }) => optimizer.type)).toEqual(['adamw', 'adamw', 'muon', 'muon']);
    const repa = arms.map(({ objective: { losses } }) => losses?.repa?.weight);
    expect(repa).toEqual([undefined, undefined, undefined, 0.5]);
    const rest = arms.map(({ objective: { tread: _, losses: __, ...objective }, optimizer, ...others }) => {
      const {
        type: ___,
        muon: { groups: ____, ...muon },
        ...same
      } = optimizer;
      return { ...others, objective, optimizer: { ...same, muon } };
    });
    for (const each of rest) expect(each).toEqual(rest[0]);
  });
});
