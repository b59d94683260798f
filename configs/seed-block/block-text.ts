/**
 * @file Reads the config of the original project from text whose indentation is lost, as in a page that was copied: a
 * key belongs to the innermost open group that knows it.
 */
import { InvalidInput } from '../../errors.ts';

/** What a block of text may have, by path: `training.optimizer.type`. */
export interface BlockShape {
  /** Paths of the values. */
  readonly values: ReadonlySet<string>;
  /** Paths of the lists, with the keys of their entries. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

export interface BlockText {
  /** Value by path; a list has an array of objects. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Text of the page that stands behind a value on its line, by path. */
  readonly behind: ReadonlyMap<string, string>;
}

const LINE = /^(?<item>- +)?(?<key>[A-Za-z_]\w*):(?:\s+(?<value>.*))?$/;
/** A number and a paragraph of the page that lost its line break: `3.0- Gradient Accumulation: ...`. */
const GLUED = /^(?<value>-?\d+(?:\.\d+)?)(?<text>- \S.*)$/;

/** @throws InvalidInput naming the line that is no key, or the key that occurs twice. */
export function readBlockText(text: string, shape: BlockShape): BlockText {
  const values = new Map<string, unknown>();
  const behind = new Map<string, string>();
  const isGroup = (path: string) => [...shape.values, ...shape.lists.keys()].some(each => each.startsWith(`${path}.`));
  const isKnown = (path: string) => shape.values.has(path) || shape.lists.has(path) || isGroup(path);
  let open: readonly string[] = [];
  for (const { line, number } of linesOf(text)) {
    const { item, key = '', value } = LINE.exec(line)?.groups ?? {};
    if (key === '') throw mistake(`line ${number} "${line.slice(0, 60)}" is no key with a value`);
    const list = shape.lists.get(open.join('.'));
    if (list?.includes(key)) {
      const entries = values.get(open.join('.')) as Record<string, unknown>[];
      if (item !== undefined || entries.length === 0) entries.push({});
      (entries.at(-1) as Record<string, unknown>)[key] = readValue(value);
      continue;
    }
    const path = findPlace(open, key, isKnown);
    const name = path.join('.');
    if (values.has(name)) throw mistake(`line ${number} has ${name} a second time`);
    if (shape.lists.has(name)) values.set(name, []);
    if (shape.lists.has(name) || isGroup(name)) {
      open = path;
      continue;
    }
    open = path.slice(0, -1);
    const glued = GLUED.exec(value ?? '')?.groups;
    if (glued?.text !== undefined) behind.set(name, glued.text);
    values.set(name, readValue(glued?.value ?? value));
  }
  return { values, behind };
}

function* linesOf(text: string) {
  for (const [index, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.replace(/(^|\s)#.*$/, '').trim();
    if (line !== '' && !line.startsWith('```')) yield { line, number: index + 1 };
  }
}

/** The path of a key: in the innermost group that knows it, else in the open group, where it is refused by name. */
function findPlace(open: readonly string[], key: string, isKnown: (path: string) => boolean): readonly string[] {
  for (let depth = open.length; depth >= 0; depth--) {
    const path = [...open.slice(0, depth), key];
    if (isKnown(path.join('.'))) return path;
  }
  return [...open, key];
}

function readValue(text: string | undefined): unknown {
  if (text === undefined || text === '' || text === 'null') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  const plain = /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
  return plain === text && /^[-+]?[\d.]+(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : plain;
}

function mistake(message: string): InvalidInput {
  return new InvalidInput(`config: ${message}`, {
    expected: 'the config block of the original project: one "key: value" a line',
  });
}
