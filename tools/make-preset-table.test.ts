import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatPresetTable } from './make-preset-table.ts';
import { formatSeedTable } from './make-seed-table.ts';

test('docs/presets.md is made from the recipes and sizes of today', async () => {
  const page = readFileSync(new URL('../docs/presets.md', import.meta.url), 'utf8');
  expect(page, 'run node tools/make-preset-table.ts').toBe(await formatPresetTable());
});

test('docs/seed.md is made from the rules of today', () => {
  const page = readFileSync(new URL('../docs/seed.md', import.meta.url), 'utf8');
  expect(page, 'run node tools/make-seed-table.ts').toBe(formatSeedTable());
});
