import { beforeAll, describe, expect, test } from 'vitest';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { createRefs } from '../storage/names/refs.ts';
import type { Dataset } from '../storage/records.ts';
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
      links: [],
    };
    const { digest } = await putDocument(lab.blobs, dataset);
    const escaped = await render({ dataset: digest, title: evil });
    expect(escaped).not.toContain('<script');
    expect(escaped.split('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;').length).toBe(6);
  });

  test('says what was rejected and why, the most common reason first', async () => {
    const rejects = Array.from({ length: 700 }, (_, i) => ({ name: `${i}.png`, reason: i < 3 ? 'rare' : 'common' }));
    const dataset = { v: 1, kind: 'dataset', pages: [], removed: ['x'], encoders: {}, counts: {}, rejects, links: [] };
    const { digest } = await putDocument(lab.blobs, dataset);
    const told = await render({ dataset: digest });
    expect(told).toMatch(/<li><b>697<\/b> common<\/li><li><b>3<\/b> rare<\/li>/);
    expect(told).toContain('and 200 more.');
    expect(told).toContain('None to be seen yet');
  });
});
