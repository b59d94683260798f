/**
 * @file Choices of kernels that XLA made by measuring on a GPU (AutotuneResults as text). Another process measures
 * other times and may choose other kernels, which round differently: equal bits need equal choices.
 */
import { InvalidInput } from '../../../errors.ts';

/** One choice is a `results { device: .. hlo: .. result { .. } }` of the text. */
const CHOICE = /^results\s*\{([\s\S]*)\}$/;

/**
 * Joins the choices of several programs, in the order of the alphabet. If two disagree on a kernel, the first stands.
 * @returns Undefined if there are no choices. @throws InvalidInput for bytes that are not AutotuneResults as text.
 */
export function joinChoices(texts: readonly Uint8Array[]): Uint8Array | undefined {
  const choices = new Map<string, string>();
  const others = new Set<string>();
  for (const field of texts.flatMap(bytes => splitFields(Buffer.from(bytes).toString()))) {
    const body = CHOICE.exec(field)?.[1];
    if (body === undefined) {
      others.add(field);
      continue;
    }
    const key = splitFields(body)
      .filter(part => !part.startsWith('result'))
      .join('\n');
    if (!choices.has(key)) choices.set(key, field);
  }
  if (choices.size === 0) return undefined;
  const sorted = [...choices.keys()].sort().map(key => choices.get(key) ?? '');
  return Buffer.from(`${[...[...others].sort(), ...sorted].join('\n')}\n`);
}

/** The top fields of a message in text form, as they are written. @throws InvalidInput if a block or string is open. */
export function splitFields(text: string): string[] {
  const fields: string[] = [];
  let [depth, start] = [0, 0];
  const take = (end: number) => {
    const field = text.slice(start, end).trim();
    if (field !== '') fields.push(field);
    start = end;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"' || character === "'") at = endOfString(text, at);
    else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth === 0) take(at + 1);
    } else if (character === '\n' && depth === 0 && text.slice(start, at).includes(':')) take(at);
  }
  if (depth !== 0) throw open('block');
  take(text.length);
  return fields;
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === text[start]) return at;
  }
  throw open('string');
}

function open(part: string): InvalidInput {
  return new InvalidInput(`the choices of XLA end within a ${part}`, { expected: 'AutotuneResults as text' });
}
