import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadPreset } from '../configs/presets.ts';
import { formatConfigTable } from './make-config-table.ts';

const page = readFileSync(new URL('../docs/config.md', import.meta.url), 'utf8');

test('docs/config.md is made from the schema of today', () => {
  expect(page, 'run node tools/make-config-table.ts').toBe(formatConfigTable());
});

test('docs/config.md has a row for every key of a preset', async () => {
  const keys = [...page.matchAll(/^\| `(.+?)` \|/gm)].map(match => match[1] ?? '');
  const known = (key: string) =>
    keys.some(row => {
      const [path, parts] = [row.split('.'), key.split('.')];
      return path.length <= parts.length && path.every((part, i) => part === 'NAME' || part === parts[i]);
    });
  const leaves = listLeaves(await loadPreset('portraits'));
  expect(leaves.length).toBeGreaterThan(30);
  expect(leaves.filter(key => !known(key))).toEqual([]);
});

function listLeaves(value: unknown, path: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [path.join('.')];
  return Object.entries(value).flatMap(([key, inner]) => listLeaves(inner, [...path, key]));
}
