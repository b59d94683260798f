/** @file A caption and attributes in a JSON object: of a file beside a picture, or of an entry of a table. */
import { problemOfText } from '../../formats/decode-text.ts';
import type { NewOriginal } from '../datasets/originals.ts';

type Attributes = NonNullable<NewOriginal['attributes']>;
type Value = Attributes[string];

/** Keys that hold the caption, in order of precedence. */
const CAPTION_KEYS = ['caption', 'text', 'captions'] as const;

/** Deep nesting breaks recursive readers. */
const MAX_DEPTH = 32;

/** What a file says about a picture. */
export interface Said {
  /** Not empty, trimmed. */
  readonly caption?: string;
  /** Everything else that a JSON object has. */
  readonly attributes?: Attributes;
  /** Why the file has no caption, as a sentence without a full stop, if it should have one. */
  readonly problem?: string;
}

/** Parses JSON of whole characters and finite numbers, at most 32 levels deep; or says what is wrong with it. */
export function parseWholeJson(text: string): { readonly value: Value } | { readonly problem: string } {
  if (isTooDeep(text)) return { problem: `lists and objects lie more than ${MAX_DEPTH} deep` };
  let value: Value;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: 'not JSON' };
  }
  const problem = findDamage(value);
  return problem === undefined ? { value } : { problem };
}

/** Told before parsing: a file of brackets alone would take the parser minutes and gigabytes. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') isQuoted = !isQuoted;
    else if (isQuoted) at += char === '\\' ? 1 : 0;
    else if (char === '[' || char === '{') depth++;
    else if (char === ']' || char === '}') depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}

/** What is wrong with the first damaged text or number. */
function findDamage(value: Value | undefined, place = ''): string | undefined {
  const said = place === '' ? '' : ` at ${place}`;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `a number is too large${said}`;
  if (typeof value === 'string') {
    const problem = problemOfText(value);
    return problem && `a text is damaged${said}: ${problem}`;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (Array.isArray(value)) return firstDefined(value, (each, i) => findDamage(each, `${place}/${i}`));
  return firstDefined(Object.keys(value), key =>
    problemOfText(key) ? `a key is damaged${said}` : findDamage(value[key], `${place}/${key}`),
  );
}

function firstDefined<T, R>(all: readonly T[], find: (each: T, index: number) => R | undefined): R | undefined {
  for (const [index, each] of all.entries()) {
    const found = find(each, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function isRecord(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What an object says: its caption, and all other keys as attributes. */
export function readRecord(record: Attributes): Said {
  const isSaid = (key: string) => readTexts(record[key]).length > 0;
  const key = CAPTION_KEYS.find(isSaid) ?? CAPTION_KEYS.find(each => record[each] !== undefined);
  if (key === undefined) return { ...attributesOf(record), problem: 'it has no key "caption" and no key "text"' };
  const { [key]: said, ...rest } = record;
  if (typeof said !== 'string' && !isTexts(said)) {
    return { ...attributesOf(rest), problem: `its "${key}" is ${kindOf(said)}; expected a text, or a list of texts` };
  }
  const [caption = '', ...others] = readTexts(said);
  return {
    ...attributesOf(others.length > 0 ? { ...rest, captions: [caption, ...others] } : rest),
    ...readCaption(caption),
  };
}

/** Captions that differ, trimmed and not empty: of a text or a list of texts. */
function readTexts(said: Value | undefined): string[] {
  const texts = typeof said === 'string' ? [said] : isTexts(said) ? said : [];
  return [...new Set(texts.map(text => text.trim()).filter(text => text !== ''))];
}

function isTexts(value: Value | undefined): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every(each => typeof each === 'string');
}

/** A text as a caption. */
export function readCaption(text: string): Said {
  const caption = text.trim();
  return caption === '' ? { problem: 'an empty caption' } : { caption };
}

function attributesOf(record: Attributes): Said {
  return Object.keys(record).length > 0 ? { attributes: record } : {};
}

function kindOf(value: Value | undefined): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
