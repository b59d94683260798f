import { beforeAll, describe, expect, test } from 'vitest';
import { packTar } from '../formats/tar.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import { createRefs } from '../storage/names/refs.ts';
import type { Dataset } from '../storage/records.ts';
import { encodePng, renderSvgRgb } from './pictures/image.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

let lab: PictureLab;
let page: string;

async function render(body: Readonly<Record<string, string>>): Promise<string> {
  const digest = outputOf(await lab.executor.call('report', body), 'html');
  return Buffer.from(await lab.blobs.get(digest)).toString();
}

beforeAll(async () => {
  lab = createPictureLab();
  await lab.executor.callEffect('prepare', { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 130 });
  page = await render({ dataset: 'p', title: 'p' });
});

describe('a report', () => {
  test('shows pictures spread over all pages, with their captions', async () => {
    const head = await createRefs(lab.store).datasets.read('p');
    if (!head) throw new Error('there is no dataset');
    const items = await lab.items(head.value.dataset);
    const shown = items.filter(item => page.includes(String(item.attributes?.caption)));
    expect(page.match(/<img /g)?.length).toBe(66);
    expect(new Set(shown.map(item => Math.floor(items.indexOf(item) / 64)))).toEqual(new Set([0, 1, 2]));
    expect(page).toContain('66 of 130, evenly spread.');
    expect(page).toMatch(/<dd>130<\/dd>/);
  });

  test('needs nothing from elsewhere and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<iframe|javascript:|https?:|url\(/i);
    expect([...page.matchAll(/ src="([^"]{0,22})/g)].every(([, start]) => start === 'data:image/webp;base64')).toBe(
      true,
    );
    expect(page).toContain(`default-src 'none'`);
  });

  test('escapes what it is told', async () => {
    const evil = `<script>alert("1")</script>&'`;
    const dataset: Dataset = {
      v: 1,
      kind: 'dataset',
      pages: [],
      removed: [],
      encoders: { text: { name: evil, dim: 1, tokens: 1 } },
      counts: {},
      rejects: [{ name: evil, reason: evil }],
      notes: [{ code: 'turned', count: 1, text: evil, examples: [{ name: evil, text: '\u202edenrut' }] }],
      links: [],
    };
    const { digest } = await putDocument(lab.blobs, dataset);
    const escaped = await render({ dataset: digest, title: evil });
    expect(escaped).not.toContain('<script');
    expect(escaped.split('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;').length).toBe(8);
    expect(escaped).toContain('(\\u202edenrut)');
  });

  test('says what was rejected and why, the most common reason first', async () => {
    const rejects = Array.from({ length: 700 }, (_, i) => ({ name: `${i}.png`, reason: i < 3 ? 'rare' : 'common' }));
    const dataset = { v: 1, kind: 'dataset', pages: [], removed: ['x'], encoders: {}, counts: {}, rejects, links: [] };
    const { digest } = await putDocument(lab.blobs, dataset);
    const told = await render({ dataset: digest });
    expect(told).toMatch(/<li><b>697<\/b> pictures: common<\/li><li><b>3<\/b> pictures: rare<\/li>/);
    expect(told).toContain('and 200 more.');
    expect(told).toContain('None to be seen yet');
  });
});

describe('a report of a folder as people have them', () => {
  let told: string;
  let answer: Json;

  beforeAll(async () => {
    const disc = async (x: number, level: number) => {
      const shapes = `<rect width="48" height="48" fill="#336"/><circle cx="${x}" cy="16" r="9" fill="#e90"/>`;
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="48">${shapes}</svg>`;
      const { data, width, height } = await renderSvgRgb(svg);
      return encodePng({ data: data.map(value => value + level), width, height });
    };
    const flag = await encodePng({ data: new Uint8Array(96 * 40 * 3).fill(200), width: 96, height: 40 });
    const members: readonly (readonly [string, Uint8Array | string])[] = [
      ['a.png', await disc(10, 0)],
      ['a.txt', 'a disc'],
      ['b.png', await disc(38, 0)],
      ['b again.png', await disc(38, 1)],
      ['flag.png', flag],
      ['flag.txt', 'a flag'],
      ['cut.png', flag.subarray(0, 60)],
      ['README.md', '# Read me'],
      ['orphan.txt', 'nobody'],
    ];
    const tar = packTar(members.map(([name, body]) => [name, Buffer.from(body as string)]));
    const { digest } = await lab.blobs.put(tar, 'application/x-tar');
    const body = { dataset: 'mess', tar: digest, size: 32, missing_captions: 'empty' };
    answer = await lab.executor.callEffect('prepare', body);
    told = await render({ dataset: 'mess' });
  });

  const section = (title: string) => new RegExp(`<h2>${title}</h2>(.*?)</section>`, 's').exec(told)?.[1] ?? '';

  test('shows a missing caption as missing, and no name in its place', () => {
    expect(section('Pictures').match(/<em class="missing">no caption<\/em>/g)).toHaveLength(2);
    expect(section('Pictures')).toMatch(/<figcaption>(<b class="\w+">\w+<\/b> )?a disc<\/figcaption>/);
    expect(section('Pictures')).not.toContain('b.png</figcaption>');
    expect(told).toContain('<dt>without caption</dt><dd>2</dd>');
  });

  test('counts rejected pictures apart from other files', () => {
    expect(told).toContain('<dt>pictures rejected</dt><dd>1</dd>');
    expect(told).toContain('<dt>other files left out</dt><dd>2</dd>');
    expect(section('Pictures rejected')).toContain('cut.png');
    expect(section('Other files left out')).toMatch(/README\.md.*orphan\.txt/s);
    expect(section('Pictures rejected')).not.toMatch(/README|orphan/);
  });

  test('shows near-duplicates as pairs of pictures', () => {
    const pairs = section('Near-duplicates');
    expect(pairs.match(/<img /g)).toHaveLength(2);
    expect(pairs).toContain('<figcaption>b again.png<br>b.png</figcaption>');
  });

  test('lists sizes with counts, and notes with the pictures that they are about', () => {
    expect(section('Sizes')).toMatch(/32 × 32.*<b>3<\/b>.*40 × 24.*<b>1<\/b>/s);
    expect(section('Notes')).toContain('2 pictures have no caption');
    expect(section('Notes')).not.toContain('nearly');
  });

  test('has the numbers of the answer, of index.json and of README.md', async () => {
    const read = async (file: string) =>
      Buffer.from((await lab.store.get(`datasets/mess/${file}`))?.body ?? '').toString();
    const { summary, buckets, notes, rejected_by_reason } = JSON.parse(await read('index.json'));
    expect(answer).toMatchObject({ summary, buckets, notes, rejected_by_reason });
    expect(summary).toContain('sizes in pixels: 3 of 32 x 32, 1 of 40 x 24');
    for (const line of summary) expect(await read('README.md')).toContain(`- ${line}\n`);
  });
});
