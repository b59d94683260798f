import type { z } from 'zod';
import { InvalidInput } from '../errors.ts';
import { describeMistake } from './issue-text.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/** Empty variables count as absent. @throws InvalidInput that names each variable that is wrong. */
export function parseVariables<T>(schema: z.ZodType<T>, env: Variables): T {
  const parsed = schema.safeParse(listSet(env));
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map(issue => `${issue.path.join('.')}: ${describeMistake(issue)}`);
  throw new InvalidInput(`the environment is wrong: ${issues.join('; ')}`, { hint: 'see docs/environment.md' });
}

function listSet(env: Variables): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value]])),
  );
}
