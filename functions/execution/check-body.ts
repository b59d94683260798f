/** @file A body against a zod schema: every issue at once, unknown keys with the nearest known one. */
import { z } from 'zod';
import { nearestName } from '../../configs/suggest.ts';
import { InvalidInput } from '../../errors.ts';

/** One thing that is wrong with a body: `pointer` is a JSON pointer (RFC 6901). */
export interface BodyIssue {
  readonly pointer: string;
  readonly detail: string;
}

/** The value as the schema reads it. @throws InvalidInput whose `details.issues` are {@link BodyIssue}s. */
export function checkBody<S extends z.ZodType>(schema: S, value: unknown, what: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidBody(listIssues(schema, parsed.error), what);
}

export function invalidBody(issues: readonly BodyIssue[], what: string): InvalidInput {
  const lines = issues.map(issue => (issue.pointer === '' ? issue.detail : `${issue.pointer}: ${issue.detail}`));
  return new InvalidInput(`${what} is wrong: ${lines.join('; ')}`, {
    hint: 'correct the keys named; GET /openapi.json has the schemas',
    details: { issues },
  });
}

export function listIssues(schema: z.ZodType, error: z.ZodError): BodyIssue[] {
  return error.issues.flatMap(issue => {
    const path = issue.path.map(String);
    if (issue.code !== 'unrecognized_keys') return [{ pointer: pointerOf(path), detail: issue.message }];
    const known = knownKeys(schema, path);
    return issue.keys.map(key => {
      const nearest = nearestName(key, known);
      const advice = nearest === undefined ? `known keys: ${known.join(', ') || 'none'}` : `did you mean "${nearest}"?`;
      return { pointer: pointerOf([...path, key]), detail: `unknown key "${key}"; ${advice}` };
    });
  });
}

export function pointerOf(path: readonly string[]): string {
  return path.map(part => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

function knownKeys(schema: z.ZodType, path: readonly string[]): string[] {
  let node: SchemaNode | undefined = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SchemaNode;
  for (const key of path) node = node?.properties?.[key];
  return Object.keys(node?.properties ?? {});
}
