import { beforeAll, expect, test } from 'vitest';
import { packTar } from '../formats/tar.ts';
import { changeApprovals } from './curation/approval-list.ts';
import { requireDatasetHead } from './datasets/dataset-head.ts';
import { encodePng } from './pictures/image.ts';
import type { RgbImage } from './pictures/planar.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';
import { shadeCut } from './views/crop-pictures.ts';

const NAMES = [
  '"><img src=x onerror=alert(1)>.png',
  '<script>alert(1)<!script>.png',
  "' onload='alert(1).png",
  '</figcaption></style><svg onload=alert(1)>.png'.replaceAll('/', '!'),
  'javascript:alert(1).png',
  '\u202egnp.evil.png',
];
const CAPTION = '</style><script>alert(1)</script><a href="javascript:alert(1)">x</a> and a very plain caption';

let page: string;
let lab: PictureLab;

async function render(dataset: string): Promise<string> {
  const digest = outputOf(await lab.executor.call('report', { dataset, title: NAMES[0] ?? '' }), 'html');
  return Buffer.from(await lab.blobs.get(digest)).toString();
}

/** A wide picture with stripes of a width of its own. */
function draw(seed: number): RgbImage {
  const [width, height] = [120 + 8 * seed, 40];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const x = Math.floor(i / 3) % width;
    return (Math.floor(x / (seed + 2)) % 2) * (90 + 20 * seed) + 10 * seed;
  });
  return { data, width, height };
}

beforeAll(async () => {
  lab = createPictureLab();
  const files: [string, Uint8Array][] = [];
  for (const [i, name] of NAMES.entries()) {
    files.push([name, await encodePng(draw(i))], [name.replace(/png$/, 'txt'), Buffer.from(`${CAPTION} ${i}`)]);
  }
  const { digest: tar } = await lab.blobs.put(packTar(files), 'application/x-tar');
  await lab.executor.callEffect('prepare', { dataset: 'evil', tar, size: 32, rules: { duplicate: { max: 99 } } });
  page = await render('evil');
});

test('nothing that a name or caption says becomes a tag, an attribute or a style', () => {
  const tags = [...page.matchAll(/<([a-z!][a-z0-9]*)((?:\s+[a-z-]+(?:="[^"]*")?)*)\s*\/?>/gi)];
  expect(tags.length).toBeGreaterThan(100);
  // Every "<" begins such a tag, or ends one.
  expect(page.match(/<(?!\/)/g)).toHaveLength(tags.length);
  for (const [, tag = '', attributes = ''] of tags) {
    expect(['script', 'svg', 'a', 'iframe', 'object', 'link', 'form']).not.toContain(tag.toLowerCase());
    expect(attributes.replaceAll(/="[^"]*"/g, '')).not.toMatch(/\b(on\w*|href|srcdoc|action)\b/i);
    expect(attributes).not.toMatch(/src="(?!data:image\/webp;base64,)/);
  }
  expect(page.match(/<style>/g)).toHaveLength(3);
  expect(page).not.toContain('\u202e');
});

test('the report shows what crops cut off, with numbers of each picture', () => {
  expect(page).toContain('<h2>Crops</h2>');
  expect(page).toContain('6 of 6 pictures lose something by the crop.');
  const [, table = ''] = /<table class="numbers">([\s\S]*?)<\/table>/.exec(page) ?? [];
  const cuts = [...table.matchAll(/<td>([\d.]+) %<\/td><td>([\d.]+) times<\/td><td>-<\/td>\s*<td>centre<\/td>/g)];
  // 160 x 40 scaled to cover 40 x 24: 96 x 24, of which 40 stay.
  const expected = NAMES.map((_, i) => 1 - 40 / Math.round(0.6 * (120 + 8 * i))).reverse();
  expect(cuts.map(([, cut]) => cut)).toEqual(expected.map(cut => (100 * cut).toFixed(1)));
  expect(page.match(/<div class="crops">[\s\S]*?<\/div>/)?.[0].match(/<img /g)).toHaveLength(6);
  expect(page).not.toContain('around the centre');
});

test('the report shows how measures are spread, with the pictures at both ends', () => {
  for (const name of ['blur', 'brightness', 'cut', 'pixels']) expect(page).toContain(`<h3>${name} <span>`);
  const [, blur = ''] = /<h3>blur ([\s\S]*?<div class="ends">[\s\S]*?<\/div>)/.exec(page) ?? [];
  expect(blur.match(/<img /g)).toHaveLength(6);
  const heights = [...blur.matchAll(/height:([\d.]+)%/g)].map(([, height]) => Number(height));
  expect(heights).toHaveLength(24);
  expect(Math.max(...heights)).toBe(100);
  expect(page).toMatch(/<h3>language[\s\S]*en <b>6<\/b>/);
});

test('the report shows what rules leave out with the reason, and not what a person has dropped', async () => {
  const files: [string, Uint8Array][] = [];
  for (const i of [0, 1, 2]) files.push([`${i}.png`, await encodePng(draw(2 * i))]);
  const { digest: tar } = await lab.blobs.put(packTar(files), 'application/x-tar');
  const call = { dataset: 'few', tar, size: 32, missing_captions: 'empty', rules: { pixels: { max: 5500 } } };
  await lab.executor.callEffect('prepare', call);
  const { value } = await requireDatasetHead(lab.store, 'few');
  await changeApprovals(lab, 'few', value, { '2.png': { decision: 'drop' } }, { replaces: false });
  await lab.executor.callEffect('prepare', { ...call, rules: { pixels: { max: 5000 } } });
  const shown = await render('few');
  const [, section = ''] = /<h2>Left out by rules<\/h2>([\s\S]*?)<\/section>/.exec(shown) ?? [];
  expect(section.match(/<figcaption>[\s\S]*?<\/figcaption>/g)).toEqual([
    '<figcaption>width times height is 5,440 pixels; expected at most 5,000 pixels (rules.pixels.max)<br>1.png</figcaption>',
  ]);
  // The end of a caption in a grid of pictures is cut off, and here the name stands there.
  expect(section).toContain('<div class="ends">');
  expect(shown.match(/alt="2.png"/)).toBeNull();
});

test('what a crop cuts is dark, and the rest as it was', () => {
  const image: RgbImage = { data: new Uint8Array(8 * 2 * 3).fill(200), width: 8, height: 2 };
  const window = { scaled: { width: 16, height: 4 }, left: 4, top: 0, width: 4, height: 4 };
  const row = [60, 60, 200, 200, 60, 60, 60, 60];
  expect([...shadeCut(image, window).data].filter((_, i) => i % 3 === 0)).toEqual([...row, ...row]);
});
