/** @file The body of `easel call`, from `key=value` words or from JSON. */
import { readFileSync } from 'node:fs';
import { expandHome } from '../configs/home-path.ts';
import { configJsonSchema } from '../configs/parse.ts';
import { keepSeed, parseWithSeeds } from '../configs/seed.ts';
import { InvalidInput } from '../errors.ts';
import { typeOf, typesAt } from './value-types.ts';

type Body = Record<string, unknown>;

export interface BodyOptions {
  /** Text of `--body`: JSON, or `@FILE`. Words override its keys. */
  readonly json?: string | undefined;
  /** JSON Schema of the body. Where it wants a text and no JSON of this type, the value is text. */
  readonly schema?: unknown;
}

/**
 * `key=value`: the value is JSON if it parses as JSON, and the schema takes JSON of its type; else text. `a.b=1` nests.
 * `key=@FILE` reads the value from a file.
 * @throws InvalidInput
 */
export function parseBody(words: readonly string[], { json, schema }: BodyOptions = {}): Body {
  const body: Body = json === undefined ? {} : parseObject(json);
  for (const word of words) {
    const at = word.indexOf('=');
    if (at < 1) {
      throw new InvalidInput(`"${word}" does not have the form key=value`, {
        expected: 'words like count=100 or run.target=48000',
        hint: 'pass a whole body with --body JSON or --body @FILE',
      });
    }
    const path = word.slice(0, at).split('.');
    assign(body, path, parseValue(path, word.slice(at + 1), schema));
  }
  return body;
}

/** Changes of a config: the words behind `--set`, however they are given. @throws InvalidInput */
export function parseChanges(words: readonly string[], rawArgs: readonly string[]): Body {
  const joined = rawArgs.filter(arg => arg.startsWith('--set=')).map(arg => arg.slice('--set='.length));
  return parseBody([...words, ...joined], { schema: configJsonSchema() });
}

function parseObject(text: string): Body {
  const source = text.startsWith('@') ? readText(text.slice(1)) : text;
  let value: unknown;
  try {
    value = parseWithSeeds(source);
  } catch (error) {
    throw new InvalidInput(`--body is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      expected: 'a JSON object, or @FILE',
    });
  }
  if (!isObject(value))
    throw new InvalidInput('--body is not a JSON object', { expected: 'an object like {"count":100}' });
  return value;
}

function parseValue(path: readonly string[], text: string, schema: unknown): unknown {
  const source = text.startsWith('@') ? readText(text.slice(1)) : text;
  const value = parseJson(path.at(-1) ?? '', source);
  const types = typesAt(schema, path);
  return types?.has('string') && !types.has(typeOf(value)) ? source : value;
}

/** Text that is no JSON stays as it is. */
function parseJson(key: string, source: string): unknown {
  try {
    return key === 'seed' ? keepSeed(key, JSON.parse(source), { source }) : parseWithSeeds(source);
  } catch {
    return source;
  }
}

function readText(path: string): string {
  try {
    return readFileSync(expandHome(path), 'utf8');
  } catch (error) {
    throw new InvalidInput(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`, {
      expected: 'a readable file after "@"',
    });
  }
}

function assign(body: Body, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path;
  if (key === '__proto__') throw new InvalidInput('"__proto__" is not a key', { expected: 'a key of the function' });
  if (rest.length === 0) {
    body[key] = value;
    return;
  }
  const inner = Object.hasOwn(body, key) ? body[key] : undefined;
  const next = isObject(inner) ? inner : {};
  body[key] = next;
  assign(next, rest, value);
}

function isObject(value: unknown): value is Body {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
