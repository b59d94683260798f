/** @file A grid or a sweep as a command gets it: a YAML file, and changes of it on the command line. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { expandHome } from '../configs/home-path.ts';
import { describeMistake } from '../configs/issue-text.ts';
import type { SchemaNode } from '../configs/known-keys.ts';
import { isRecord, mergeDeep } from '../configs/merge-deep.ts';
import { findOwnKey } from '../configs/own-keys.ts';
import { parseYaml, tellUnknownKey } from '../configs/parse.ts';
import { InvalidInput } from '../errors.ts';

/** @throws InvalidInput if the file is no object in YAML. */
export function readGridFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(expandHome(path), 'utf8');
  } catch (error) {
    throw new InvalidInput(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      expected: 'a file in YAML, such as configs/ablation.yaml',
    });
  }
  const document = parseYaml(text, path);
  if (isRecord(document)) return { ...document };
  throw new InvalidInput(`${path} is no object`, { expected: 'keys like those of configs/ablation.yaml' });
}

/** @param path Of the file, for errors. @throws InvalidInput that names each wrong key */
export function parseGridFile<T>(schema: z.ZodType<T>, document: unknown, path: string): T {
  const parsed = schema.safeParse(document, { reportInput: true });
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.flatMap(issue => {
    const keys = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') {
      const tree = z.toJSONSchema(schema, { io: 'input' }) as SchemaNode;
      return issue.keys.map(key => tellUnknownKey(tree, keys, key));
    }
    return [`${keys.length === 0 ? '' : `${keys.join('.')}: `}${describeMistake(issue)}`];
  });
  throw new InvalidInput(`${path}: ${mistakes.join('; ')}`, { expected: 'the keys of docs/ablation.md' });
}

/** `base` with changes of single keys. A file is read: the server may be another machine. */
export function changeBase(base: unknown, named: string | undefined, changes: Readonly<Record<string, unknown>>) {
  const whole = named === undefined ? base : /[./]/.test(named) ? readGridFile(named) : named;
  if (Object.keys(changes).length === 0) return whole;
  return mergeDeep(typeof whole === 'string' ? { preset: whole } : whole, changes);
}

/** @throws InvalidInput if a change states what the runs of a grid set themselves. */
export function checkChanges(changes: Readonly<Record<string, unknown>>): void {
  const key = findOwnKey(changes);
  if (key === 'seed') {
    throw new InvalidInput('--set states the seed, which each run has from the grid', {
      expected: '--seeds N, or "seeds" in the file of the grid',
    });
  }
  if (key !== undefined) {
    throw new InvalidInput(`--set states ${key}, which follows from the length of a run`, {
      expected: '--steps N, or --time TIME',
    });
  }
}

/** `1` or `1,2,3` as numbers or texts: JSON where it parses as JSON. */
export function splitValues(text: string): unknown[] {
  return splitOutside(text).map(part => {
    try {
      return JSON.parse(part);
    } catch {
      return part;
    }
  });
}

/** Splits at commas that lie outside of brackets and quotes, so that a value may be JSON. */
function splitOutside(text: string): string[] {
  const parts = [''];
  let depth = 0;
  let quoted = false;
  for (const [i, sign] of [...text].entries()) {
    if (sign === '"' && text[i - 1] !== '\\') quoted = !quoted;
    if (!quoted && '[{'.includes(sign)) depth++;
    if (!quoted && ']}'.includes(sign)) depth--;
    if (sign === ',' && depth === 0 && !quoted) parts.push('');
    else parts[parts.length - 1] += sign;
  }
  return parts;
}

/** The name of a dataset, or the beginning of its digest, as the end of the name of a grid. */
export function nameWithData(name: unknown, dataset: string): string {
  return `${String(name)}-${dataset.replace(/^sha256:/, '').slice(0, dataset.startsWith('sha256:') ? 8 : undefined)}`;
}
