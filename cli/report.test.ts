import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { html } from 'hono/html';
import { expect, onTestFinished, test } from 'vitest';
import { renderPage } from '../functions/views/html-page.ts';
import { formatReport, parseArms } from './commands/report.ts';
import { checkReportFile, writeReportPage } from './own-files.ts';

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

async function openFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test('a page takes the place of a page of a report, and of no other file', async () => {
  const folder = await openFolder();
  const file = join(folder, 'page.html');
  await checkReportFile(file);
  await writeFile(file, '<p>mine</p>');
  await expect(checkReportFile(file)).rejects.toMatchObject({ status: 400, hint: expect.stringContaining('move it') });
  const page = await renderPage({ kind: 'Comparison', title: 'a', style: '', body: html`` });
  await writeFile(file, page);
  await checkReportFile(file);
  await expect(checkReportFile(join(file, 'below.html'))).rejects.toThrow('cannot be made');
});

test.each(['', '.', '..', 'new/', 'new/..'])('the name "%s" of a folder is refused', async name => {
  await expect(checkReportFile(name)).rejects.toThrow('names a folder');
});

test('a page is written through a link to a page of a report, and not through a link to nothing', async () => {
  const folder = await openFolder();
  const [page, link, nowhere] = [join(folder, 'page.html'), join(folder, 'link.html'), join(folder, 'nowhere.html')];
  await writeFile(page, '<p class="kind">Comparison</p>');
  await symlink(page, link);
  await checkReportFile(link);
  await writeReportPage(link, Buffer.from('later'));
  expect(await readFile(page, 'utf8')).toBe('later');
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  await symlink(join(folder, 'missing.html'), nowhere);
  await expect(checkReportFile(nowhere)).rejects.toThrow('nowhere.html is there');
});

test('a file that came while the report was made stays as it is', async () => {
  const folder = await openFolder();
  const file = join(folder, 'page.html');
  await checkReportFile(file);
  await writeFile(file, 'mine');
  await expect(writeReportPage(file, Buffer.from('page'))).rejects.toThrow('page.html is there');
  expect(await readFile(file, 'utf8')).toBe('mine');
  expect(await readdir(folder)).toEqual(['page.html']);
});

test('a place that cannot be written is told, with what to do', async () => {
  const folder = await openFolder();
  const told = { status: 400, message: expect.stringContaining('cannot be written'), hint: expect.any(String) };
  for (const name of ['missing/page.html', 'long'.repeat(100)]) {
    await expect(writeReportPage(join(folder, name), Buffer.from('page'))).rejects.toMatchObject(told);
  }
});
