import { expect, test } from 'vitest';
import { parseWholeJson } from './caption-record.ts';
import { readTable } from './caption-table.ts';

const ENTRY = '{"file_name":"a.png","text":"a"}';

test('brackets without an end are refused before they are parsed', () => {
  const deep = { problem: 'lists and objects lie more than 32 deep' };
  expect(parseWholeJson('['.repeat(5_000_000))).toEqual(deep);
  expect(parseWholeJson(`${'{"a":'.repeat(33)}1${'}'.repeat(33)}`)).toEqual(deep);
  expect(parseWholeJson(`${'['.repeat(32)}${']'.repeat(32)}`)).toHaveProperty('value');
});

test('brackets in texts, behind quotes and backslashes too, are no depth', () => {
  const value = ['['.repeat(99), `"${'{'.repeat(99)}`, `\\"${'['.repeat(99)}\\`];
  expect(parseWholeJson(JSON.stringify(value))).toEqual({ value });
});

test('a list may have more entries than a function has arguments', () => {
  expect(parseWholeJson(`[${'1,'.repeat(300_000)}1]`)).toHaveProperty('value.length', 300_001);
  expect(parseWholeJson('{"a":["x","y\\u0000"]}')).toEqual({
    problem: 'a text is damaged at /a/1: character 2 is NUL',
  });
});

test('after a thousand wrong lines the rest is not read; what comes before counts', async () => {
  const { entries, problems } = await readTable('metadata.jsonl', `${ENTRY}\n${'x\n'.repeat(1_000_000)}`);
  expect(entries.map(({ name }) => name)).toEqual(['a.png']);
  expect(problems).toHaveLength(1001);
  expect(problems.slice(0, 2)).toEqual([
    '1,000 lines are wrong, and what comes after them is not read',
    'line 2: not JSON',
  ]);
});

test('line ends of all kinds, and a last line without one', async () => {
  const { entries, problems } = await readTable(
    'metadata.jsonl',
    `\n${ENTRY}\r\n\n \n${ENTRY.replace('a.png', 'b.png')}`,
  );
  expect(entries.map(({ name }) => name)).toEqual(['a.png', 'b.png']);
  expect(problems).toEqual([]);
});

test('a list with more entries than a source has files is refused', async () => {
  const { entries, problems } = await readTable('captions.json', `[${'0,'.repeat(1_000_000)}0]`);
  expect(entries).toEqual([]);
  expect(problems).toEqual(['it has more than 1,000,000 entries; give each folder a table of its own']);
});

test('an entry has at most a mebibyte, and the others count', async () => {
  const long = JSON.stringify({ file_name: 'b.png', text: 'b', all: 'x'.repeat(2 ** 20) });
  const lines = await readTable('metadata.jsonl', `${long}\n${ENTRY}`);
  expect(lines.entries.map(({ name }) => name)).toEqual(['a.png']);
  expect(lines.problems).toEqual(['line 1: an entry of more than 1,048,576 characters']);
  const { entries } = await readTable('captions.json', `{"a.png":"a","b.png":${long}}`);
  expect(entries.map(({ said }) => said)).toEqual([
    { caption: 'a' },
    { problem: '"b.png": an entry of more than 1,048,576 characters' },
  ]);
});

test('a large table lets the server answer others', async () => {
  const lines = Array.from({ length: 5000 }, (_, i) => `{"file_name":"${i}.png","text":"a"}\n`).join('');
  let turns = 0;
  const count = () => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const { entries } = await readTable('metadata.jsonl', lines);
  clearImmediate(next);
  expect(entries).toHaveLength(5000);
  expect(turns).toBeGreaterThan(5);
});
