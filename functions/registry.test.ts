import { expect, test } from 'vitest';
import { COLUMN_NAMES } from '../configs/signals.ts';
import { digestOf } from '../storage/digest.ts';

import { bodySchema, digestKeys, parseCall } from './execution/parse-call.ts';
import { KEPT_FOR_THEIR_OWN_SAKE } from './gc.ts';
import { registry } from './registry.ts';

test('names are unique and can stand in an address', () => {
  const names = registry.map(fn => fn.name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
});

test('every example is a body that its function accepts', async () => {
  for (const fn of registry) {
    const call = parseCall(fn, fn.example, () => Promise.resolve(digestOf('any')));
    await expect(call, fn.name).resolves.toMatchObject({ params: expect.any(Object) });
  }
});

test('functions whose results gc keeps for their own sake are functions', () => {
  expect(registry.map(fn => fn.name)).toEqual(expect.arrayContaining([...KEPT_FOR_THEIR_OWN_SAKE]));
});

test('keys that hold digests are keys of the body', () => {
  for (const fn of registry) {
    for (const key of Object.keys(digestKeys(fn))) expect(Object.keys(bodySchema(fn).shape), fn.name).toContain(key);
  }
});

test('every column that a page function needs is added by another', () => {
  const pages = registry.filter(fn => fn.kind === 'page');
  const added = new Set(pages.flatMap(fn => fn.adds));
  for (const fn of pages) for (const column of fn.needs) expect([...added], fn.name).toContain(column);
  for (const column of added) expect(COLUMN_NAMES).toContain(column);
});
