/**
 * Equal inputs give equal bytes for ever. If a digest here changes, raise the `version` of its function, unless a
 * library in its `tools` changed. Otherwise every cache would serve the old bytes to the new code.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { CONTROL_NAMES } from '../configs/control-names.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import type { Dataset } from '../storage/records.ts';
import { putComparedRuns } from './comparison/testing/compared-runs.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';
import { registry } from './registry.ts';
import { planShards } from './shards/plan-shards.ts';
import { EMOJI_NAMES, EMOJI_PICTURES } from './testing/emoji-files.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

/** What decoded and drew the pictures when the digests were taken. */
const TAKEN_WITH = { platform: 'linux-x64', sharp: '0.35.5', libvips: '8.18.7' };
const drawsAlike =
  `${process.platform}-${process.arch}` === TAKEN_WITH.platform &&
  IMAGE_TOOLS.sharp === TAKEN_WITH.sharp &&
  IMAGE_TOOLS.libvips === TAKEN_WITH.libvips;

const SET = { seed: 3, size: 32 } as const;
const made: Record<string, string> = {};
let lab: PictureLab;

beforeAll(async () => {
  lab = createPictureLab();
  const { executor } = lab;
  const drawn = await executor.call('render-portraits', { ...SET, from: 0, to: 6 });
  made['render-portraits'] = outputOf(drawn, 'items');
  const varied = await executor.call('render-portraits', { ...SET, from: 0, to: 6, wording: 'varied' });
  made['render-portraits, varied'] = outputOf(varied, 'items');
  made['render-figures'] = outputOf(await executor.call('render-figures', { ...SET, from: 0, to: 6 }), 'items');
  const [pictures, names] = await Promise.all(
    [EMOJI_PICTURES, EMOJI_NAMES].map(async file => (await lab.blobs.put(file)).digest),
  );
  const emoji = await executor.call('render-emoji', { ...SET, from: 0, to: 3, pictures, names });
  made['render-emoji'] = outputOf(emoji, 'items');
  const originals: Dataset = {
    v: 1,
    kind: 'dataset',
    pages: [{ items: outputOf(drawn, 'items'), columns: {} }],
    removed: [],
    encoders: {},
    counts: { pictures: 6 },
    rejects: [],
    links: [outputOf(drawn, 'items'), ...drawn.result.links],
  };
  let { digest } = await lab.blobs.put(Buffer.from(JSON.stringify(originals)), 'application/json');
  for (const [stage, params] of [
    ['inspect', {}],
    ['ingest', {}],
    ['bucket', { size: 24 }],
    ['caption', {}],
    ['encode-text', {}],
    ['encode-image', {}],
  ] as const) {
    digest = outputOf(await executor.call(stage, { dataset: digest, ...params }));
    made[stage] = digest;
  }
  const shape = { pixels: 'float16', text: 'trimmed', pose: 'float16' } as const;
  const limits = { maxBytes: 2 ** 20, maxSamples: 100, splits: ['train', 'val', 'test'] } as const;
  const [plan] = await planShards(lab.blobs, await lab.dataset(digest), shape, limits, () => {});
  const planned = await lab.blobs.put(Buffer.from(canonicalJson(plan ?? {})), 'application/json');
  made['pack-shard'] = outputOf(await executor.call('pack-shard', { plan: planned.digest, ...shape }), 'tar');
  const page = await executor.call('report', { dataset: digest, title: 'Golden' });
  made.report = outputOf(page, 'html');
  const compared = await executor.call('render-comparison', { runs: await putComparedRuns(lab.blobs) });
  made['render-comparison'] = outputOf(compared, 'html');
  const column = (await lab.dataset(digest)).pages[0]?.columns.image ?? digest;
  const ids = (await lab.items(digest)).map(({ id }) => id);
  const grid = await executor.call('collage', {
    title: 'Golden',
    columns: ['real', 'drawn'].map(label => ({ label, pictures: column })),
    rows: [...ids.slice(0, 2).map(id => ({ id, label: 'été' })), { id: 'absent' }],
    cell: 40,
  });
  made.collage = digestOf(await lab.blobs.get(outputOf(grid, 'image')));
  made['picture-files'] = outputOf(await executor.call('picture-files', { pictures: column }), 'image_000');
  made['score-pictures'] = outputOf(
    await executor.call('score-pictures', { pictures: column, against: column }),
    'scores',
  );
  await measureQuality();
  const sheet = await executor.call('contact-sheet', {
    title: 'Golden',
    columns: 2,
    rows: ['row'],
    cells: [{ label: 'no picture, just text' }, { label: 'été' }],
  });
  made['contact-sheet'] = digestOf(await lab.blobs.get(outputOf(sheet, 'image')));
});

/** Control rows, distances of sets and copies, of pictures of which the first two are held out. */
async function measureQuality(): Promise<void> {
  const { executor, blobs } = lab;
  const prepared = await lab.dataset(made.bucket as Digest);
  const [page] = prepared.pages;
  const image = page?.columns.image;
  if (page === undefined || image === undefined) throw new Error('the dataset has no pictures');
  const items = (await lab.items(made.bucket as Digest)).map((item, i) => ({
    ...item,
    split: i < 2 ? 'val' : 'train',
    cluster: item.id,
  }));
  const lines = items.map(item => `${JSON.stringify(item)}\n`).join('');
  const split = (await blobs.put(Buffer.from(lines), 'application/jsonl')).digest;
  const document = { ...prepared, pages: [{ ...page, items: split }], links: [...prepared.links, split] };
  const { digest: dataset } = await putDocument(blobs, document);
  const describe = async (pictures: Digest) =>
    outputOf(await executor.call('features', { pictures, extractor: 'thumbnail' }), 'index');
  const real = await describe(image);
  const controls: string[] = [];
  for (const control of CONTROL_NAMES) {
    const body = { dataset, control, ...(control === 'nearest' && { features: [real] }) };
    controls.push(outputOf(await executor.call('control-pictures', body), 'pictures'));
  }
  made['control-pictures'] = digestOf(controls.join());
  const [, , , nearest = image] = controls as Digest[];
  const drawn = await describe(nearest);
  const compared = await executor.call('compare-sets', { dataset, real: [real], drawn: [drawn], k: 2 });
  made['compare-sets'] = outputOf(compared, 'comparison');
  const [own = image, halved = image, blurred = image] = controls as Digest[];
  const score = async (pictures: Digest) =>
    outputOf(await executor.call('score-pictures', { pictures, against: own }), 'scores');
  const splits = { train: [await score(halved)], held_out: [await score(blurred)] };
  made['compare-splits'] = outputOf(await executor.call('compare-splits', splits), 'gap');
  const space = { drawn: [drawn], dataset: [real] };
  made.memorization = outputOf(await executor.call('memorization', { dataset, spaces: [space] }), 'copies');
  const [id = ''] = items.map(item => item.id);
  const sides = { left: { pictures: nearest, id }, right: { pictures: image, id } };
  const sheet = await executor.call('pair-sheet', { title: 'Golden', pairs: [{ ...sides, label: 'été' }] });
  made['pair-sheet'] = digestOf(await blobs.get(outputOf(sheet, 'image')));
}

describe.runIf(drawsAlike)('golden digests', () => {
  test.each([
    ['render-portraits', 2, 'sha256:d98d42caefe07009898e240ff8180ed35d6d66d9d547caba8dd980ad8d25628a'],
    ['render-portraits, varied', 2, 'sha256:52c00709809ef7a9b63e1ba8b3cf9299e803189f72da115a49b55eeb8af11be8'],
    ['render-figures', 1, 'sha256:99b1fc0d96b4e97e3ece40dc5e920fd5eaf008bff4ffe0b636e2bfbdb4a60738'],
    ['render-emoji', 1, 'sha256:e013b71ed1c99383afab2b1c80003a9ae5b713f67a2b95c07e271d265b99d13a'],
    ['inspect', 5, 'sha256:dcb8476880d1da0dde3ca79b3363e8403b687421ef45465d5df2cc5e80fe5546'],
    ['ingest', 3, 'sha256:980b3e0f898f8e7e132509dba947a2dd989ad88a88dd2d2820a43169b28c80fc'],
    ['bucket', 3, 'sha256:24415ad2e5c6ad5347fa48a692e161f0bb5b4cb58c577ff31bce3204916cf75b'],
    ['caption', 4, 'sha256:2ec1c728ff59e940a361e07fb1e40220604fb8a181e4e09fb6b482cf30fe0cc2'],
    ['encode-text', 3, 'sha256:47e38c8ebc07f39880b9e5bdafefe1bd10d64fa56b8d992e9b338110392b1eff'],
    ['encode-image', 3, 'sha256:00ff9962099ba3e7d07a3da44e7fc54dbe09f2f4feb1040bbb70e03665ffb0aa'],
    ['pack-shard', 1, 'sha256:5a42fe0abe5b831ab8c9fc5370f5ab3c40a2ce4bb9801bff85caa43a66e02ac6'],
    ['report', 7, 'sha256:5681f83c4f73c72d84216e8618fbd856a9c0def417cfcb61a9e188979f13974f'],
    ['render-comparison', 13, 'sha256:2e072ae6e34388ad6e79635fcf2a78bf9936525b88974ecc29d7b2ffe0ec3c2d'],
    ['collage', 1, 'sha256:9b6949f8d16ad3b1ae5944874513a6d713cbe3b0d3571b7e3231d98df2bccaf2'],
    ['picture-files', 1, 'sha256:bd1bdd3c2c116269f516c0be1c24b7db582252a7fd730e7081f036a5504c9c75'],
    ['score-pictures', 2, 'sha256:5f389104e7302377cd7ea9114d3fce89b7663918756be34f4ada4fb125e65ef4'],
    ['contact-sheet', 3, 'sha256:95856280d9209d6c5c3aff0b06cd5fc1a5b9aa06d1615ef74cb24b0704718af9'],
    ['control-pictures', 2, 'sha256:c2303096e676b75eb9bdde935a13791448ae48c18905de25c14921cd60c3638b'],
    ['compare-sets', 1, 'sha256:d904004293b32e963af3aae1a2d909d4e5ad5cce404d84581cc17ae58a532003'],
    ['compare-splits', 1, 'sha256:90a1a0b86390092a0b3efe700aaff836ac7f07adb64f74bc2e0268c2e9bd286f'],
    ['memorization', 4, 'sha256:f4524291413a6ab62c4a1458026cbcd19cfae0df587fe18953e10fcac0591bb3'],
    ['pair-sheet', 2, 'sha256:b36b18f8e56924bb2916a4632ce572833523df9616593d911ef858d40e4b15e1'],
  ])('%s, version %i', (name, version, digest) => {
    expect(registry.find(fn => fn.name === name.split(',')[0])?.version).toBe(version);
    expect(made[name]).toBe(digest);
  });
});

test('a second run makes the same bytes', async () => {
  const other = createPictureLab();
  const page = await other.executor.call('render-portraits', { ...SET, from: 0, to: 6 });
  expect(outputOf(page, 'items')).toBe(made['render-portraits']);
});
