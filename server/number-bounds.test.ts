import { expect, test } from 'vitest';
import { configSchema } from '../configs/schema.ts';
import { registry } from '../functions/registry.ts';
import type { Json } from '../storage/canonical.ts';
import { ROUTES } from './app.ts';
import { describeBody, toJsonSchema } from './describe-function.ts';

/**
 * The places in a JSON Schema of numbers without a lower or an upper bound, as JSON pointers. A key that takes any JSON
 * (`$defs`) is a config or has options of an encoder or a loss; these have schemas of their own.
 */
function findUnbounded(schema: Json | undefined, at = ''): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  if (Array.isArray(schema)) return schema.flatMap((each, i) => findUnbounded(each, `${at}/${i}`));
  const { $defs: _, ...rest } = schema as Record<string, Json>;
  const { type, minimum, exclusiveMinimum, maximum, exclusiveMaximum } = rest;
  // zod writes the range of exact numbers for any whole number.
  const most = type === 'integer' ? Number.MAX_SAFE_INTEGER : Number.POSITIVE_INFINITY;
  const isBound = (limit: Json | undefined) => typeof limit === 'number' && Math.abs(limit) < most;
  const isBounded = [minimum, exclusiveMinimum].some(isBound) && [maximum, exclusiveMaximum].some(isBound);
  // A seed may be any exact number, and becomes no size.
  const isSeed = /\/seed\/anyOf\/0$/.test(at);
  const isListed = 'const' in rest || 'enum' in rest;
  const isOpen = (type === 'number' || type === 'integer') && !isListed && !isBounded && !isSeed;
  const below = Object.entries(rest).flatMap(([key, value]) => findUnbounded(value, `${at}/${key}`));
  return isOpen ? [at, ...below] : below;
}

test.each(registry.map(fn => [fn.name, fn] as const))('every number in the body of %s is bounded', (_, fn) => {
  expect(findUnbounded(describeBody(fn))).toEqual([]);
});

test.each(ROUTES.flatMap(({ method, path, body }) => (body ? [[`${method} ${path}`, body] as const] : [])))(
  'every number in the body of %s is bounded',
  (_, body) => {
    expect(findUnbounded(toJsonSchema(body))).toEqual([]);
  },
);

test('every number in a config is bounded', () => {
  expect(findUnbounded(toJsonSchema(configSchema))).toEqual([]);
});

test('a number without one of its bounds is found at any depth', () => {
  const deep = { type: 'object', properties: { a: { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'string' }] } } };
  expect(findUnbounded(deep)).toEqual(['/properties/a/anyOf/0']);
  const safe = { type: 'integer', minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
  expect(findUnbounded({ items: safe })).toEqual(['/items']);
  expect(findUnbounded({ type: 'number', exclusiveMinimum: 0, maximum: 1 })).toEqual([]);
});
