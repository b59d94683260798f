import { expect, test } from 'vitest';
import { type DrawnAttributes, drawnAttributesSchema } from '../configs/drawn-attributes.ts';
import { samplingOf } from '../configs/sampling.ts';
import { encodeNpy } from '../formats/npy.ts';
import { packColumn } from '../formats/webdataset.ts';
import { putDocument, readDocument } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import type { Dataset } from '../storage/records.ts';
import { outputOf } from './execution/output-of.ts';
import { type DrawnIndex, drawnIndexSchema } from './experiments/drawn-index.ts';
import { renderPortraits } from './import/portrait-pages.ts';
import { decodeRgb } from './pictures/image.ts';
import { toPlanar } from './pictures/planar.ts';
import { createTrainingLab } from './testing/training.ts';

const lab = createTrainingLab();
const SET = { seed: 3, size: 64 } as const;

/** The real portraits as if they had been drawn, and what the index says of them. */
async function probe(
  tell: (ids: readonly string[]) => Partial<DrawnIndex['items'][number]>[],
): Promise<DrawnAttributes> {
  const portraits = await renderPortraits(SET as never, 0, 4);
  const lines = portraits.map(({ id, name, attributes }) =>
    canonicalJson({ id, name, original: digestOf(id), split: 'val', attributes } as never),
  );
  const items = (await lab.blobs.put(Buffer.from(`${lines.join('\n')}\n`), 'application/jsonl')).digest;
  const dataset: Dataset = {
    ...{ v: 1, kind: 'dataset', pages: [{ items, columns: {} }], removed: [], encoders: {}, counts: {}, rejects: [] },
    links: [items],
  };
  const members = new Map<string, Uint8Array>();
  for (const { id, bytes } of portraits) {
    const { data, width, height } = toPlanar(await decodeRgb(bytes));
    members.set(`${id}.image.npy`, encodeNpy({ dtype: 'u8', shape: [3, height, width], data }));
  }
  const pictures = (await lab.blobs.put(packColumn(members), 'application/x-tar')).digest;
  const ids = portraits.map(({ id }) => id);
  const told = tell(ids);
  const index = drawnIndexSchema.parse({
    ...{ v: 1, kind: 'drawn', checkpoint: digestOf('c'), dataset: digestOf('d'), split: 'val', condition: 'full' },
    ...samplingOf({}),
    ...{ weights: 'ema', pictures, skipped: [], links: [pictures] },
    items: ids.map((id, i) => ({ id, name: id, caption: '', width: 64, height: 64, noise: i, ...told[i] })),
  });
  const { result } = await lab.executor.call('probe-drawn', {
    drawn: (await putDocument(lab.blobs, index)).digest,
    dataset: (await putDocument(lab.blobs, dataset)).digest as Digest,
  });
  return readDocument(lab.blobs, outputOf(result, 'attributes'), drawnAttributesSchema, 'attributes');
}

test('real portraits show their own attributes, and an edit that was not drawn is seen as not made', async () => {
  const { measured, own, edited } = await probe(ids =>
    ids.map((_, i) =>
      i === 0 ? { edit: { from: 'a', to: 'b', attribute: { name: 'background', value: 'none' } } } : {},
    ),
  );
  expect(measured).toBe(4);
  expect(own.background).toEqual({ right: 3, of: 3 });
  expect(own.glasses).toEqual({ right: 4, of: 4 });
  expect(edited).toEqual({ right: 0, of: 1 });
});

test('a picture that kept its own look shows none of the attributes in which the other differs', async () => {
  const { other } = await probe(ids => ids.map((_, i) => ({ other: ids[(i + 1) % ids.length] ?? '' })));
  expect(other?.background?.right).toBe(0);
  expect(other?.background?.of).toBeGreaterThan(0);
});
