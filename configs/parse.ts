/** @file Parses configs that people write. The error for an unknown key names the nearest known key. */
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { InvalidInput } from '../errors.ts';
import { describeMistake } from './issue-text.ts';
import { knownKeys, type SchemaNode } from './known-keys.ts';
import { listProtoKeys } from './proto-keys.ts';
import { type Config, configSchema } from './schema.ts';
import { nearestName } from './suggest.ts';
import { listTokenExcess } from './token-limit.ts';

/**
 * Checks a config and fills in every default.
 * @param source Name of the config in errors: a file name, or "config".
 * @throws InvalidInput that names each wrong key with the expected value, and the nearest known key for an unknown one.
 */
export function parseConfig(value: unknown, source = 'config'): Config {
  const parsed = configSchema.safeParse(value, { reportInput: true });
  const protoKeys = listProtoKeys(value);
  if (parsed.success && protoKeys.length === 0) return parsed.data;
  const found = [
    ...protoKeys.map(path => describeUnknownKey(path.slice(0, -1), '__proto__')),
    ...(parsed.error?.issues ?? []).flatMap(describeIssue),
    // A change of patch_size breaks other rules first, which are not worth mending then.
    ...listTokenExcess(value),
  ];
  const lines = [...new Set(found)];
  throw new InvalidInput(`${source}: ${lines.join('; ')}`, {
    expected: 'keys and values of docs/config.md',
    hint: 'correct or remove the keys named',
    details: { issues: lines },
  });
}

/** Parses a config from YAML 1.2, as {@link parseConfig} does. A duplicate key is an error. */
export function parseConfigYaml(text: string, source = 'config'): Config {
  return parseConfig(parseYaml(text, source), source);
}

/** @throws InvalidInput with line and column of the first mistake. */
export function parseYaml(text: string, source: string): unknown {
  const document = parseDocument(text, { strict: true, uniqueKeys: true, version: '1.2' });
  const [mistake] = [...document.errors, ...document.warnings];
  if (mistake) {
    throw new InvalidInput(`${source}: ${mistake.message.replace(/:?\s*\n[\s\S]*$/, '')}`, {
      expected: 'valid YAML',
      cause: mistake,
    });
  }
  return document.toJS();
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [`${path.join('.') || 'the config'}: ${describeMistake(issue)}`];
  return issue.keys.map(key => describeUnknownKey(path, key));
}

function describeUnknownKey(path: readonly string[], key: string): string {
  return tellUnknownKey(configJsonSchema(), path, key);
}

/** `unknown key a.bb (did you mean a.b?)` */
export function tellUnknownKey(schema: SchemaNode, path: readonly string[], key: string): string {
  const known = knownKeys(schema, path);
  const nearest = nearestName(key, known);
  const advice =
    nearest === undefined ? `known: ${known.join(', ') || 'none'}` : `did you mean ${[...path, nearest].join('.')}?`;
  return `unknown key ${[...path, key].join('.')} (${advice})`;
}

let tree: SchemaNode | undefined;

/** JSON Schema of a config as people write it. */
export function configJsonSchema(): SchemaNode {
  tree ??= z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;
  return tree;
}
