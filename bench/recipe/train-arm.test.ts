import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ARMS, type Arm } from './arms.ts';
import type { ArmResult } from './results.ts';
import { configOf } from './train-arm.ts';

const RESULTS = ['recipe', 'recipe-half'].flatMap(name => {
  const folder = new URL(`../results/${name}/`, import.meta.url);
  const files = readdirSync(folder).filter(file => file.includes('-seed'));
  return files.map(file => [`${name}/${file}`, new URL(file, folder)] as const);
});

it.each(RESULTS)('the arm of %s still trains as it did', async (_, file) => {
  const result: Omit<ArmResult, 'changes'> & Arm = JSON.parse(readFileSync(file, 'utf8'));
  const { arm: name, changes, later, seed, updates, samples } = result;
  expect(ARMS.find(each => each.name === name)).toEqual({ name, changes, ...(later && { later }) });
  const { optimizer, objective } = await configOf({ changes }, seed, updates);
  expect(objective).toMatchObject({ logit_normal_mean: 0.8, logit_normal_std: 0.8, ...changes.objective });
  const warmup_samples = Math.round((samples * 2) / 15);
  expect(optimizer).toMatchObject({
    learning_rate: 2e-3,
    total_samples: samples,
    warmup_samples,
    ...changes.optimizer,
  });
});
