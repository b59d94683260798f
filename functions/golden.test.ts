/**
 * Equal inputs give equal bytes for ever. If a digest here changes, raise the `version` of its function, unless a
 * library in its `tools` changed. Otherwise every cache would serve the old bytes to the new code.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { digestOf } from '../storage/digest.ts';
import type { Dataset } from '../storage/records.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';
import { registry } from './registry.ts';
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
  const page = await executor.call('report', { dataset: digest, title: 'Golden' });
  made.report = outputOf(page, 'html');
  const sheet = await executor.call('contact-sheet', {
    title: 'Golden',
    columns: 2,
    rows: ['row'],
    cells: [{ label: 'no picture, just text' }, { label: 'été' }],
  });
  made['contact-sheet'] = digestOf(await lab.blobs.get(outputOf(sheet, 'image')));
});

describe.runIf(drawsAlike)('golden digests', () => {
  test.each([
    ['render-portraits', 1, 'sha256:c19b1a33543c9e99605a98714d951a47c08671c8566901f670900c43a290233d'],
    ['inspect', 1, 'sha256:786d6184e8fe342717be176332a336f0869ebdf04002030b454c3ca011c8485b'],
    ['ingest', 1, 'sha256:a85a22a678767e7b6273f2f534fa375eed58e87330df81f77f6bf95e847c2ba3'],
    ['bucket', 1, 'sha256:4ffa7379f52034caad60e848ad5e514c11c5aa726f5694db37bc1549d5098c7b'],
    ['caption', 1, 'sha256:8168cfe53fd5b2fb38784c5d4f7157cb7ee0717aa2d3a76e4494526463c41cf5'],
    ['encode-text', 1, 'sha256:2c3d382528445c5871e9c86a0704e9900c2d45b53ba4cd688cdc8969121007d6'],
    ['encode-image', 2, 'sha256:6ae9fcec9cc006289196c73ee7824587c5aa1252e9694cafff1a6077192ebe69'],
    ['report', 2, 'sha256:0fc30b9c78200e9234c1d3ea1f157f4077426500cb0f4766283608d8eed4aca4'],
    ['contact-sheet', 2, 'sha256:4a097f4c570ddc44556e322682db2731bb2630941a93fb15f97a85a558551f48'],
  ])('%s, version %i', (name, version, digest) => {
    expect(registry.find(fn => fn.name === name)?.version).toBe(version);
    expect(made[name]).toBe(digest);
  });
});

test('a second run makes the same bytes', async () => {
  const other = createPictureLab();
  const page = await other.executor.call('render-portraits', { ...SET, from: 0, to: 6 });
  expect(outputOf(page, 'items')).toBe(made['render-portraits']);
});
