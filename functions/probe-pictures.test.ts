import { expect, test } from 'vitest';
import { shownSchema } from '../configs/evaluation.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { readDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { openPagePictures } from './experiments/page-pictures.ts';
import { createPictureLab, outputOf } from './testing/pictures.ts';

test('real figures have their joints in place, those of other figures and noise have not', async () => {
  const lab = createPictureLab();
  const body = { dataset: 'figures', source: 'figures', count: 24, size: 64 };
  const { digest } = (await lab.executor.callEffect('prepare', body)) as { readonly digest: Digest };
  const { items } = await openPagePictures(lab.blobs, await lab.dataset(digest));
  const probe = async (pictures: Digest) => {
    const shown = outputOf(await lab.executor.call('probe-pictures', { dataset: digest, pictures }), 'shown');
    return (await readDocument(lab.blobs, shown, shownSchema, 'shown attributes')).joints ?? [];
  };
  const control = async (name: string) =>
    probe(outputOf(await lab.executor.call('control-pictures', { dataset: digest, control: name }), 'pictures'));
  const page = (await lab.dataset(digest)).pages[0]?.columns.image as Digest;
  const real = await probe(page);
  expect(real).toHaveLength(items.length);
  const mean = (scores: typeof real, of: (score: (typeof real)[number]) => number) =>
    scores.reduce((sum, score) => sum + of(score), 0) / scores.length;
  expect(mean(real, ({ right_05 }) => right_05 / 12)).toBeGreaterThan(0.95);
  expect(mean(real, ({ oks }) => oks)).toBeGreaterThan(0.9);
  expect(mean(real, ({ mpjpe }) => mpjpe ?? 1)).toBeLessThan(0.03);
  expect(mean(real, ({ pa_mpjpe }) => pa_mpjpe ?? 1)).toBeLessThan(0.03);
  expect(mean(await control('noise'), ({ oks }) => oks)).toBeLessThan(0.2);
  // Each picture under the id of the next one.
  const members = [...readColumn(await lab.blobs.get(page))];
  const shifted = members.map(
    ([name], i) => [name, members[(i + 1) % members.length]?.[1] ?? new Uint8Array()] as const,
  );
  const others = await probe((await lab.blobs.put(packColumn(new Map(shifted)), 'application/x-tar')).digest);
  expect(mean(others, ({ oks }) => oks)).toBeLessThan(mean(real, ({ oks }) => oks) - 0.2);
});
