import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { html } from 'hono/html';
import { expect, onTestFinished, test } from 'vitest';
import { renderPage } from '../functions/views/html-page.ts';
import { formatReport, parseArms } from './commands/report.ts';
import { checkReportFile } from './own-files.ts';

test.each([
  [['a', 'b'], { experiments: ['a', 'b'] }],
  [['a', 'B=b-0,b-1', 'C=c'], { experiments: ['a'], groups: { B: ['b-0', 'b-1'], C: ['c'] } }],
])('the words %j name arms', (words, body) => {
  expect(parseArms(words)).toEqual(body);
});

test.each([
  [[], 'the command names no experiment'],
  [['=a'], '"=a" is wrong'],
  [['A=a,'], '"A=a," is wrong'],
  [['A=a', 'A=b'], 'the arm "A" is there twice'],
])('the words %j are refused', (words, message) => {
  expect(() => parseArms(words)).toThrow(message);
});

test('the answer is the sentence, and where the page lies', () => {
  const answer = {
    name: 'a-and-b',
    verdict: { sentence: 'b is better.' },
    folder: 'reports/a-and-b/',
    html: 'sha256:1',
  };
  expect(formatReport(answer, 'x.html')).toBe('b is better.\npage: x.html');
  expect(formatReport(answer, undefined)).toBe(
    'b is better.\npage: reports/a-and-b/report.html in the store, and GET /objects/sha256:1',
  );
});

test('a page takes the place of a page of a report, and of no other file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'easel-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'page.html');
  await checkReportFile(file);
  await writeFile(file, '<p>mine</p>');
  await expect(checkReportFile(file)).rejects.toMatchObject({ status: 400, hint: expect.stringContaining('move it') });
  const page = await renderPage({ kind: 'Comparison', title: 'a', style: '', body: html`` });
  await writeFile(file, page);
  await checkReportFile(file);
  await expect(checkReportFile(join(file, 'below.html'))).rejects.toThrow('cannot be made');
});
