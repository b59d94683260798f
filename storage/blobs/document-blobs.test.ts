import { expect, test } from 'vitest';
import { BlobMissing, Unprocessable } from '../../errors.ts';
import { digestOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { createBlobStore } from './cas.ts';
import { putDocument, readDataset } from './document-blobs.ts';

const blobs = createBlobStore(createMemoryStore());
const DATASET = {
  v: 1,
  kind: 'dataset',
  pages: [],
  removed: [],
  encoders: {},
  counts: { items: 0 },
  rejects: [],
  links: [],
} as const;

test('a document is stored as canonical JSON and read back', async () => {
  const ref = await putDocument(blobs, DATASET);
  expect(ref.media_type).toBe('application/json');
  expect(await readDataset(blobs, ref.digest)).toEqual(DATASET);
  const { kind, ...rest } = DATASET;
  expect(await putDocument(blobs, { ...rest, kind })).toEqual(ref);
});

test.each([
  ['not JSON', Buffer.from('{'), 'it is not JSON'],
  ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'it is not JSON'],
  ['of a newer version', Buffer.from(JSON.stringify({ ...DATASET, v: 2 })), 'unknown version 2'],
  ['of no version', Buffer.from(JSON.stringify({ ...DATASET, v: undefined })), 'unknown version none'],
  ['against its schema', Buffer.from(JSON.stringify({ ...DATASET, counts: { items: 'x' } })), 'counts.items: '],
  ['a bare value', Buffer.from('1'), 'the document: '],
])('bytes that are %s are refused, and the error says so', async (_, bytes, problem) => {
  const { digest } = await blobs.put(bytes);
  const reading = readDataset(blobs, digest);
  await expect(reading).rejects.toBeInstanceOf(Unprocessable);
  await expect(reading).rejects.toThrow(`${digest} is not a dataset: ${problem}`);
});

test('a missing document is a missing blob', async () => {
  await expect(readDataset(blobs, digestOf('nothing'))).rejects.toBeInstanceOf(BlobMissing);
});
