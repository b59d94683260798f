/**
 * @file Tables of captions, one for many pictures: `metadata.jsonl` and `metadata.csv` as Hugging Face's image folders
 * have them, and `captions.json`. An entry names its picture from the folder of the table on: "a.png", "sub/b.png".
 */
import { posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { formatCount } from '../../configs/quantity.ts';
import { readCsv } from '../../formats/csv.ts';
import { isRecord, parseWholeJson, readCaption, readRecord, type Said } from './caption-record.ts';

export interface TableEntry {
  /** The picture as the table names it. */
  readonly key: string;
  /** Its name inside the source. */
  readonly name: string;
  readonly said: Said;
}

export interface CaptionTable {
  readonly entries: readonly TableEntry[];
  /** What could not be read, as sentences without a full stop. */
  readonly problems: readonly string[];
}

/** Names of tables, in order of precedence. */
export const TABLE_NAMES = ['metadata.jsonl', 'captions.json', 'metadata.csv'];

/** A source has at most as many files. */
const MAX_ROWS = 1_000_000;
/** Characters of an entry: as many as the text of one picture has bytes. */
const MAX_ENTRY = 2 ** 20;
/** Wrong lines after which the rest is not read: then the file is something else. */
const MAX_WRONG_LINES = 1000;
/** Rows that are read in a few milliseconds; between them the server answers others. */
const ROWS_AT_ONCE = 1000;

/** The place of a table in {@link TABLE_NAMES}; undefined if the file is not called like a table. */
export function tableRank(name: string): number | undefined {
  const rank = TABLE_NAMES.indexOf(posix.basename(name).toLowerCase());
  return rank < 0 ? undefined : rank;
}

/** @param name Of the table inside the source. */
export async function readTable(name: string, text: string): Promise<CaptionTable> {
  const { rows, problems } = await parseRows(name.toLowerCase(), text);
  const byName = new Map<string, TableEntry>();
  const wrong = [...problems];
  for (const [index, { place, key, said }] of rows.entries()) {
    if (index % ROWS_AT_ONCE === 0) await setImmediate();
    const path = placeIn(name, key);
    const first = byName.get(path);
    if (first === undefined) byName.set(path, { key, name: path, said: blameEntry(key, said) });
    else if (said.caption !== first.said.caption) wrong.push(`${place} names "${key}" again, with another caption`);
  }
  return { entries: [...byName.values()], problems: wrong };
}

function parseRows(name: string, text: string): Rows | Promise<Rows> {
  if (name.endsWith('.jsonl')) return parseLines(text);
  return name.endsWith('.csv') ? parseCsv(text) : parseCaptions(text);
}

function blameEntry(key: string, said: Said): Said {
  return said.problem === undefined ? said : { ...said, problem: `"${key}": ${said.problem}` };
}

interface Row {
  readonly place: string;
  /** Name of the picture as the row gives it. */
  readonly key: string;
  readonly said: Said;
}

interface Rows {
  readonly rows: readonly Row[];
  readonly problems: readonly string[];
}

async function parseLines(text: string): Promise<Rows> {
  const problems: string[] = [];
  const records: NamedRecord[] = [];
  let number = 0;
  for (const line of linesOf(text)) {
    if (++number % ROWS_AT_ONCE === 0) await setImmediate();
    if (line.trim() === '') continue;
    if (records.length === MAX_ROWS) return { rows: [], problems: [TOO_MANY] };
    const parsed = line.length > MAX_ENTRY ? TOO_LONG : parseWholeJson(line);
    if ('value' in parsed) records.push({ place: `line ${number}`, value: parsed.value });
    else problems.push(`line ${number}: ${parsed.problem}`);
    if (problems.length === MAX_WRONG_LINES) {
      problems.unshift(`${formatCount(MAX_WRONG_LINES)} lines are wrong, and what comes after them is not read`);
      break;
    }
  }
  const named = readNamed(records);
  return { rows: named.rows, problems: [...problems, ...named.problems] };
}

/** A header that has `file_name`, then a row for each picture. An empty field says nothing. */
async function parseCsv(text: string): Promise<Rows> {
  const rows = readCsv(text);
  const header = rows.next();
  const keys = header.done ? [] : header.value.fields;
  if (!keys.includes('file_name')) return { rows: [], problems: ['its first line has no column "file_name"'] };
  const records: NamedRecord[] = [];
  const problems: string[] = [];
  let step = rows.next();
  for (; !step.done; step = rows.next()) {
    const { line, fields } = step.value;
    if (line % ROWS_AT_ONCE === 0) await setImmediate();
    if (records.length === MAX_ROWS) return { rows: [], problems: [TOO_MANY] };
    const isLong = fields.reduce((sum, field) => sum + field.length, 0) > MAX_ENTRY;
    if (isLong) problems.push(`line ${line}: ${TOO_LONG.problem}`);
    else if (fields.length !== keys.length) {
      problems.push(`line ${line}: it has ${fields.length} fields, and the first line has ${keys.length}`);
    } else {
      const said = keys.flatMap((key, i) => (fields[i] === '' ? [] : [[key, fields[i]] as const]));
      records.push({ place: `line ${line}`, value: Object.fromEntries(said) });
    }
    if (problems.length === MAX_WRONG_LINES) break;
  }
  if (step.done && step.value !== undefined) problems.push(step.value);
  const named = readNamed(records);
  return { rows: named.rows, problems: [...problems, ...named.problems] };
}

const TOO_LONG = { problem: `an entry of more than ${formatCount(MAX_ENTRY)} characters` };
const TOO_MANY = `it has more than ${formatCount(MAX_ROWS)} entries; give each folder a table of its own`;

/** One at a time: a file of line breaks alone has millions. */
function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start);
    yield text.slice(start, end < 0 ? undefined : end);
    start = end < 0 ? text.length : end + 1;
  }
}

/** An object of captions or of objects by name, or a list of objects with `file_name`. */
function parseCaptions(text: string): Rows {
  const parsed = parseWholeJson(text);
  if (!('value' in parsed)) return { rows: [], problems: [parsed.problem] };
  const { value } = parsed;
  if (countEntries(value) > MAX_ROWS) return { rows: [], problems: [TOO_MANY] };
  if (Array.isArray(value)) return readNamed(value.map((each, i) => ({ place: `entry ${i + 1}`, value: each })));
  if (!isRecord(value)) return { rows: [], problems: ['expected an object that has the caption of each file name'] };
  const rows = Object.entries(value).map(([key, each]) => ({ place: 'an entry', key, said: readEntry(each) }));
  return { rows, problems: [] };
}

function countEntries(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return isRecord(value) ? Object.keys(value).length : 0;
}

interface NamedRecord {
  readonly place: string;
  readonly value: unknown;
}

function readEntry(value: unknown): Said {
  if (JSON.stringify(value).length > MAX_ENTRY) return TOO_LONG;
  if (typeof value === 'string') return readCaption(value);
  if (Array.isArray(value)) return readRecord({ caption: value });
  return isRecord(value) ? readRecord(value) : { problem: 'expected a caption, or an object with the key "caption"' };
}

function readNamed(records: readonly NamedRecord[]): Rows {
  const problems: string[] = [];
  const rows = records.flatMap(({ place, value }) => {
    const { file_name: key, ...record } = isRecord(value) ? value : {};
    if (typeof key === 'string') return [{ place, key, said: readRecord(record) }];
    problems.push(`${place} is not an object with the key "file_name"`);
    return [];
  });
  return { rows, problems };
}

function placeIn(table: string, key: string): string {
  return posix.join(posix.dirname(table), key.replaceAll('\\', '/'));
}
