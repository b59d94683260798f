import { expect, test } from 'vitest';
import { readCsv } from './csv.ts';

const rowsOf = (text: string) => [...readCsv(text)].map(({ fields }) => fields);

test('fields may be quoted, with commas, doubled quotes and line breaks, as Python writes them', () => {
  // csv.writer of Python 3.11 wrote this text.
  const text = 'file_name,text\r\na.png,"a ""red"" fox, running"\r\nb.png,"two\nlines"\r\nc.png,\r\n';
  expect(rowsOf(text)).toEqual([
    ['file_name', 'text'],
    ['a.png', 'a "red" fox, running'],
    ['b.png', 'two\nlines'],
    ['c.png', ''],
  ]);
});

test('lines are counted through quoted breaks, with any line ends, and the last line needs none', () => {
  expect([...readCsv('a,"x\ny"\n\nb\rc')].map(({ line, fields }) => [line, ...fields])).toEqual([
    [1, 'a', 'x\ny'],
    [4, 'b'],
    [5, 'c'],
  ]);
});

test('a quoted field without an end is told', () => {
  const rows = readCsv('a,b\n"open,1\n2');
  expect(rows.next().value).toMatchObject({ fields: ['a', 'b'] });
  expect(rows.next()).toEqual({ done: true, value: 'the quoted field in line 2 has no end' });
});
