/** @file A body against a zod schema: every issue at once, unknown keys with the nearest known one. */
import { z } from 'zod';
import { describeMistake } from '../../configs/issue-text.ts';
import { knownKeys, type SchemaNode } from '../../configs/known-keys.ts';
import { listProtoKeys } from '../../configs/proto-keys.ts';
import { nearestName } from '../../configs/suggest.ts';
import { InvalidInput } from '../../errors.ts';
import type { BodyIssue } from '../../formats/problem.ts';

/** Parses the value. @throws InvalidInput whose `details.issues` are {@link BodyIssue}s. */
export function checkBody<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value, { reportInput: true });
  const protoKeys = listProtoKeys(value);
  if (parsed.success && protoKeys.length === 0) return parsed.data;
  const issues = [
    ...(parsed.error?.issues ?? []).flatMap(issue => describeIssue(schema, issue, [])),
    ...protoKeys.map(path => describeUnknownKey(schema, path.slice(0, -1), '__proto__')),
  ];
  // A schema and its refinement may find one mistake twice.
  const distinct = new Map(issues.map(issue => [JSON.stringify([issue.pointer, issue.detail]), issue]));
  throw invalidBody([...distinct.values()], what);
}

export function invalidBody(issues: readonly BodyIssue[], what: string): InvalidInput {
  const lines = issues.map(issue => (issue.pointer === '' ? issue.detail : `${issue.pointer}: ${issue.detail}`));
  return new InvalidInput(`${what} is wrong: ${lines.join('; ')}`, {
    hint: 'correct the keys named; GET /openapi.json has the schemas',
    details: { issues },
  });
}

/** @param base Path of the value that the issue's own path starts from. */
function describeIssue(schema: z.ZodType, issue: z.core.$ZodIssue, base: readonly string[]): BodyIssue[] {
  const path = [...base, ...issue.path.map(String)];
  if (issue.code === 'invalid_union' && issue.message === DEFAULT_UNION_MESSAGE) {
    const meant = findMeant(issue.errors);
    if (meant) return meant.flatMap(inner => describeIssue(schema, inner, path));
  }
  if (issue.code !== 'unrecognized_keys' || !DEFAULT_MESSAGE.test(issue.message)) {
    return [{ pointer: pointerOf(path), detail: describeMistake(issue) }];
  }
  return issue.keys.map(key => describeUnknownKey(schema, path, key));
}

function describeUnknownKey(schema: z.ZodType, path: readonly string[], key: string): BodyIssue {
  const known = knownKeys(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode, path);
  const nearest = nearestName(key, known);
  const advice = nearest === undefined ? `known keys: ${known.join(', ') || 'none'}` : `did you mean "${nearest}"?`;
  return { pointer: pointerOf([...path, key]), detail: `unknown key "${key}"; ${advice}` };
}

/** Zod's message for a union that has no message of its own. */
const DEFAULT_UNION_MESSAGE = 'Invalid input';

/** Zod's message for unknown keys, where the schema has none of its own. */
const DEFAULT_MESSAGE = /^Unrecognized keys?: /;

/**
 * The issues of the union member that has the type of the value, else of the only enum. Undefined if several members
 * qualify.
 */
function findMeant(members: readonly (readonly z.core.$ZodIssue[])[]): readonly z.core.$ZodIssue[] | undefined {
  const rootCodes = (issues: readonly z.core.$ZodIssue[]) =>
    issues.flatMap(issue => (issue.path.length === 0 ? [issue.code] : []));
  const ofType = members.filter(
    issues => !rootCodes(issues).some(code => code === 'invalid_type' || code === 'invalid_value'),
  );
  const enums = members.filter(issues => rootCodes(issues).includes('invalid_value'));
  const [first, ...others] = ofType.length > 0 ? ofType : enums;
  return others.length === 0 ? first : undefined;
}

export function pointerOf(path: readonly string[]): string {
  return path.map(part => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
