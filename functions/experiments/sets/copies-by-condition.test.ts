import { expect, test } from 'vitest';
import { createBlobStore } from '../../../storage/blobs/cas.ts';
import { putDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
import { digestOf } from '../../../storage/digest.ts';
import { createMemoryStore } from '../../../storage/drivers/memory.ts';
import { LIFETIMES } from '../../../storage/gc/lifetimes.ts';
import type { CallAnswer } from '../../define.ts';
import type { PagePictures } from '../page-pictures.ts';
import { findCopiesIn } from './copies-by-condition.ts';
import type { CopyCheck } from './copy-check.ts';
import { findExtractor } from './extractors.ts';

const blobs = createBlobStore(createMemoryStore(), LIFETIMES);
const column = digestOf('a column');

/** The spaces that a check asks `memorization` to judge. */
async function listSpaces(extractor: string, detector?: string): Promise<Json> {
  let asked: Json = null;
  const found = { ...{ v: 1, kind: 'copies', dataset: column, ratio: 0.3, limit: 0.01 }, spaces: [], pairs: [] };
  const { digest } = await putDocument(blobs, { ...found, memorized: false, links: [] });
  const call = async (name: string, body: Json) => {
    if (name === 'memorization') asked = (body as { readonly spaces: Json }).spaces;
    const outputs = { index: { digest: column }, copies: { digest } };
    return { result: { outputs } } as unknown as CallAnswer;
  };
  const check = {
    ...{ kept: { head: { dataset: column, engine: { name: 'reference' } } }, ratio: 0.3, limit: 0.01 },
    extractor: findExtractor(extractor),
    ...(detector && { detector: { extractor: findExtractor(detector), above: 0.5 } }),
  } as unknown as CopyCheck;
  const pages = { columnsOf: () => [column] } as unknown as PagePictures;
  const drawn = { columns: [column], indexes: [column], samples: 1 };
  const mode = { condition: 'text', drawn, obeyed: undefined, heldOut: 0 } as const;
  await findCopiesIn({ blobs, call, progress: () => {} }, check, pages, { mode, swap: {} });
  return asked;
}

const space = { drawn: [column], dataset: [column] };

test('features of DINOv2 are also compared by their cosine, which judges nothing', async () => {
  expect(await listSpaces('dinov2-vits14')).toEqual([{ ...space, cosine: 0.9, cosine_told: true }, space]);
});

test('features of another extractor are not, and the cosine of a network that finds copies judges', async () => {
  expect(await listSpaces('dct', 'efficientnet-lite0')).toEqual([space, space, { ...space, cosine: 0.5 }]);
  expect(await listSpaces('dinov2-vits14', 'dinov2-vits14')).toEqual([{ ...space, cosine: 0.5 }, space]);
});
