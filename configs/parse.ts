/** @file From what a person wrote to a config: unknown keys are errors that name the nearest known one. */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { InvalidInput } from '../errors.ts';
import { type Config, configSchema } from './schema.ts';
import { nearestName } from './suggest.ts';

/**
 * Checks a config and fills in every default.
 * @param source What to call it in errors: a file name, "config".
 * @throws InvalidInput that names each wrong key, what was expected there, and for an unknown key the nearest known
 * one.
 */
export function parseConfig(value: unknown, source = 'config'): Config {
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.flatMap(describeIssue);
  throw new InvalidInput(`${source}: ${lines.join('; ')}`, {
    expected: 'the keys of configs/schema.ts',
    hint: 'correct or remove the keys named',
    details: { issues: lines },
  });
}

/** As {@link parseConfig}, from YAML text (YAML 1.2; a key that occurs twice is an error). */
export function parseConfigYaml(text: string, source = 'config'): Config {
  return parseConfig(parseYaml(text, source), source);
}

/** @throws InvalidInput with line and column of the first mistake. */
export function parseYaml(text: string, source: string): unknown {
  const document = parseDocument(text, { strict: true, uniqueKeys: true, version: '1.2' });
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake) {
    throw new InvalidInput(`${source}: ${mistake.message.replace(/\s*\n[\s\S]*$/, '')}`, {
      expected: 'valid YAML',
      cause: mistake,
    });
  }
  return document.toJS();
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [`${path.join('.') || 'the config'}: ${issue.message}`];
  const known = knownKeys(path);
  return issue.keys.map(key => {
    const nearest = nearestName(key, known);
    const name = [...path, key].join('.');
    return `unknown key ${name}${nearest === undefined ? ` (known: ${known.join(', ')})` : ` (did you mean ${[...path, nearest].join('.')}?)`}`;
  });
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
}

let tree: SchemaNode | undefined;

function knownKeys(path: readonly string[]): string[] {
  tree ??= z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
  let node: SchemaNode | undefined = tree;
  for (const key of path) node = node?.properties?.[key];
  return Object.keys(node?.properties ?? {});
}
