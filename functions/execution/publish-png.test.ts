import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { decodeRgb, encodePng } from '../pictures/image.ts';
import { createPictureLab, outputOf } from '../testing/pictures.ts';
import { actionOfPng } from './publish-png.ts';

test('a sheet tells the action that drew it, and only the text differs between two actions of equal pixels', async () => {
  const lab = createPictureLab();
  const draw = async (cells: readonly { readonly label: string }[], columns: number) => {
    const answer = await lab.executor.call('contact-sheet', { cells: [...cells], columns, cell: 32 });
    return { answer, png: await lab.blobs.get(outputOf(answer, 'image')) };
  };
  const plain = await draw([{ label: 'a' }], 1);
  expect(actionOfPng(plain.png)).toBe(plain.answer.action);
  const other = await draw([{ label: 'a' }, { label: '' }], 1);
  expect(actionOfPng(other.png)).toBe(other.answer.action);
  expect(other.answer.action).not.toBe(plain.answer.action);
});

test('a picture from elsewhere tells no action, also when its text is none', async () => {
  const png = await encodePng({ data: new Uint8Array(3 * 16 * 16), width: 16, height: 16 });
  expect(actionOfPng(png)).toBeUndefined();
  expect(await decodeRgb(png)).toMatchObject({ width: 16, height: 16 });
});

test('no other file of a function stores a PNG, but import, whose pictures are originals', async () => {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  const files = await readdir(folder, { recursive: true });
  const storing: string[] = [];
  for (const file of files.filter(name => /^(?!.*\.test\.ts$)(?!(?:.*\/)?testing\/).*\.ts$/.test(name))) {
    const text = await readFile(`${folder}/${file}`, 'utf8');
    if (text.includes('.put(') && text.includes("'image/png'")) storing.push(file);
  }
  expect(storing.sort()).toEqual(['execution/publish-png.ts', 'import/import-files.ts']);
});
