/** @file The body of `easel call`, from `key=value` words or from JSON. */
import { readFileSync } from 'node:fs';
import { expandHome } from '../configs/home-path.ts';
import { keepSeed, parseWithSeeds } from '../configs/seed.ts';
import { InvalidInput } from '../errors.ts';

type Body = Record<string, unknown>;

/**
 * `key=value`: the value is JSON if it parses as JSON, else text. `a.b=1` nests. `key=@FILE` reads the value from a
 * file. `json` is the text of `--body`: JSON, or `@FILE`. Words override its keys.
 * @throws InvalidInput
 */
export function parseBody(words: readonly string[], json?: string): Body {
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
    assign(body, path, parseValue(path.at(-1) ?? '', word.slice(at + 1)));
  }
  return body;
}

/** Changes of a config: the words behind `--set`, however they are given. @throws InvalidInput */
export function parseChanges(words: readonly string[], rawArgs: readonly string[]): Body {
  const joined = rawArgs.filter(arg => arg.startsWith('--set=')).map(arg => arg.slice('--set='.length));
  return parseBody([...words, ...joined]);
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

function parseValue(key: string, text: string): unknown {
  const source = text.startsWith('@') ? readText(text.slice(1)) : text;
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
