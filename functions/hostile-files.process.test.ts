/** It makes pipes, by another process. */
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { decodeFileName } from '../formats/file-name.ts';
import { type Dataset, digestSchema, type Item } from '../storage/records.ts';
import { writeHostileFiles } from './testing/hostile-files.ts';
import { createPictureLab } from './testing/pictures.ts';

let places: readonly [inside: string, outside: string];
let written: number;
let dataset: Dataset;
let taken: readonly Item[];
let answer: z.output<typeof answerSchema>;
/** Growth of the process, in bytes. */
let peak: number;

const answerSchema = z.object({
  digest: digestSchema,
  rejected_by_reason: z.array(z.object({ text: z.string(), count: z.int() })),
});

beforeAll(async () => {
  const open = async (name: string) => realpath(await mkdtemp(join(tmpdir(), `easel-${name}-`)));
  places = [await open('hostile'), await open('outside')];
  written = await writeHostileFiles(...places);
  const lab = createPictureLab({ importRoots: [places[0]] });
  const before = process.memoryUsage.rss();
  const body = { dataset: 'hostile', folder: places[0], size: 32, missing_captions: 'empty', rules: {} };
  answer = answerSchema.parse(await lab.executor.callEffect('prepare', body));
  peak = process.memoryUsage.rss() - before;
  dataset = await lab.dataset(answer.digest);
  taken = await lab.items(answer.digest);
});
afterAll(async () => {
  for (const place of places) await rm(place, { recursive: true, force: true });
});

test('each of 500 hostile files is taken, is the caption of a picture, or is named with a reason', async () => {
  expect(written).toBeGreaterThanOrEqual(500);
  const names = (await readdir(Buffer.from(places[0]), { encoding: 'buffer' })).map(decodeFileName);
  const files = names.filter(name => !name.startsWith('.') && name !== 'below');
  const pictures = new Set(taken.map(({ name }) => name));
  const reasons = new Map(dataset.rejects.map(({ name, reason }) => [name, reason]));
  const captions = new Set(
    taken.filter(({ attributes }) => attributes?.caption !== undefined).map(({ name }) => name.replace(/png$/, 'txt')),
  );
  const silent = files.filter(name => !pictures.has(name) && !captions.has(name) && !reasons.get(name));
  expect(silent).toEqual([]);
  const both = [...pictures].filter(name => reasons.has(name));
  expect(both).toEqual([]);
  expect(dataset.counts.hidden).toBe(2);
});

test('the answer counts all that is left out, by reason', () => {
  const counted = answer.rejected_by_reason.reduce((sum, { count }) => sum + count, 0);
  expect(counted).toBe(dataset.rejects.length);
  expect(counted).toBeGreaterThan(350);
});

test.each([
  ['cut-png-0.png', 'the file is empty'],
  ['cut-jpeg-9.jpeg', 'the picture does not decode: '],
  ['svg-as.jpg', 'SVG, by its content; expected JPEG, PNG, WebP'],
  ['zip-as.webp', 'an archive (ZIP), by its content'],
  ['bomb-square-4.png', 'the picture is 100000 x 100000 pixels; expected at most 100000000 pixels (max_pixels)'],
  ['bomb-1.gif', 'the picture is 65535 x 65535 pixels; expected at most 100000000 pixels (max_pixels)'],
  ['shape-5000x2.png', 'the picture is 5000 x 2 pixels; expected a shorter side of at least 16 pixels (min_side)'],
  ['shape-16x129.png', 'the picture is 16 x 129 pixels; expected a longer side of at most 8 times the shorter'],
  ['same-1.png', 'the same bytes as link-inside.png'],
  ['said-0.txt', 'the text is not UTF-8'],
  ['alone.txt', 'no picture is called "alone"'],
  ['pipe.png', 'not a regular file'],
  ['link-dangling.png', 'a link that leads nowhere'],
  ['link-itself.png', 'not readable: a link that leads in a circle (ELOOP)'],
  ['link-zero.png', 'a link that leads outside the import roots'],
  ['link-here', 'a link to a folder that is read already'],
])('%s is rejected: %s', (name, reason) => {
  expect(dataset.rejects.find(reject => reject.name === name)?.reason).toMatch(
    new RegExp(`^${reason.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}`),
  );
});

test('what is oddly named, of a rare kind or more than one thing is taken', () => {
  const names = new Set(taken.map(({ name }) => name));
  const wanted = ['cmyk.jpg', 'sixteen.png', 'animated.gif', 'tail-png-0.png', 'wrong-ending-gif.tiff', 'exif-4.jpg'];
  const odd = ['new\nline.png', 'raw-\\xe9.png', '\u202egnp.exe.png', '-rf.png', '__proto__.png', '$(id).png'];
  for (const name of [...wanted, ...odd, 'bomb-zTXt.png']) expect(names, name).toContain(name);
});

test('memory stays small', () => {
  expect(peak).toBeLessThan(600 * 2 ** 20);
});
