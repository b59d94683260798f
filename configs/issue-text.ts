/** @file Describes a mistake that a schema found, in plain words. Schemas' own messages stay as they are. */
import type { z } from 'zod';
import { nearestName } from './suggest.ts';

/**
 * The message of an issue. Zod's default messages for wrong types, wrong values and wrong keys of records become
 * "is missing", "expected X, got Y", or the message of the key's schema.
 * @param issue Has its input if the schema parsed with `reportInput`. An input near an allowed name then gets a
 * "did you mean".
 */
export function describeMistake(issue: z.core.$ZodIssue): string {
  const { message } = issue;
  if (issue.code === 'invalid_key' && message.startsWith('Invalid key in ')) {
    return issue.issues.map(describeMistake).join('; ');
  }
  const [, expected, received] = /^Invalid input: expected (.+), received (.+)$/s.exec(message) ?? [];
  if (expected !== undefined && received !== undefined) return describeType(expected, received);
  if (issue.code === 'invalid_value' && DEFAULT_VALUE_MESSAGE.test(message)) return describeValue(issue);
  if ((issue.code === 'too_small' || issue.code === 'too_big') && DEFAULT_SIZE_MESSAGE.test(message)) {
    return describeSize(issue);
  }
  if (!message.startsWith('Invalid input')) return message;
  const expectation = /^Invalid input: expected (.+)$/s.exec(message)?.[1];
  if (expectation !== undefined) return `expected ${expectation}`;
  if (message.endsWith('more than one option matched')) return 'has more than one of the allowed forms';
  return issue.code === 'invalid_union' ? describeUnion(issue) : 'has none of the allowed forms';
}

const DEFAULT_VALUE_MESSAGE = /^Invalid (input: expected|option: expected one of) /;

const DEFAULT_SIZE_MESSAGE = /^Too (small|big): expected /;

/** Units of the sizes of texts and arrays; the size of a number has no unit. */
const UNITS: Readonly<Record<string, readonly [one: string, more: string]>> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
};

function describeSize(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig): string {
  const { origin, input, inclusive = true } = issue;
  const [limit, words] =
    issue.code === 'too_small'
      ? [issue.minimum, inclusive ? 'at least' : 'more than']
      : [issue.maximum, inclusive ? 'at most' : 'less than'];
  const [one, more] = UNITS[origin] ?? ['', ''];
  const unit = limit === 1 ? one : more;
  const isNumber = typeof input === 'number' || typeof input === 'bigint';
  return `expected ${words} ${limit}${unit && ` ${unit}`}${isNumber ? `, got ${input}` : ''}`;
}

/** Zod's names of types that are no plain words. */
const WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a string',
  boolean: 'true or false',
  array: 'an array',
  tuple: 'an array',
  object: 'an object',
  record: 'an object',
  never: 'no value',
};

function describeType(expected: string, received: string): string {
  if (received === 'undefined') return 'is missing';
  if (expected === 'int' && received === 'number') return 'expected a whole number, got a fraction';
  return `expected ${inWords(expected)}, got ${received === 'boolean' ? 'a boolean' : inWords(received)}`;
}

function inWords(type: string): string {
  return (Object.hasOwn(WORDS, type) && WORDS[type]) || type;
}

function describeValue(issue: z.core.$ZodIssueInvalidValue): string {
  if (isMissing(issue)) return 'is missing';
  const { values, input } = issue;
  const expected = `expected ${values.length > 1 ? 'one of ' : ''}${values.map(show).join(', ')}`;
  if (input === undefined) return expected;
  const names = values.filter(value => typeof value === 'string');
  const nearest = typeof input === 'string' ? nearestName(input, names) : undefined;
  return `${expected}, got ${show(input)}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`;
}

function describeUnion(issue: z.core.$ZodIssueInvalidUnion): string {
  if (isMissing(issue)) return 'is missing';
  const forms = issue.errors.flat().flatMap(inner => {
    if (inner.path.length > 0) return [];
    if (inner.code === 'invalid_type') return [inWords(inner.expected)];
    return inner.code === 'invalid_value' ? inner.values.map(show) : [];
  });
  if (forms.length === 0) return 'has none of the allowed forms';
  const got = issue.input === undefined ? '' : `, got ${show(issue.input)}`;
  return `expected ${[...new Set(forms)].join(' or ')}${got}`;
}

/** Only an issue that reports its input tells a missing one. */
function isMissing(issue: z.core.$ZodIssue): boolean {
  return 'input' in issue && issue.input === undefined;
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 50 ? `${value.slice(0, 50)}...` : value);
  if (typeof value === 'object' && value !== null) return inWords(Array.isArray(value) ? 'array' : 'object');
  return String(value);
}
