import { expect, test } from 'vitest';
import { Conflict, Forbidden, InvalidInput } from '../../errors.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { openBucket } from './open-bucket.ts';

const ALLOWED = ['s3://photos/pets?endpoint=http://127.0.0.1:9000&region=eu-1'];
const signal = new AbortController().signal;

async function openPets(asked = 's3://photos/pets/cats') {
  const store = createMemoryStore();
  for (const key of ['b.png', 'a/c.png', 'a/.hidden.png', '.DS_Store'])
    await store.put(key, Buffer.from(`bytes of ${key}`));
  const opened: string[] = [];
  const source = await openBucket(asked, ALLOWED, signal, async url => {
    opened.push(url);
    return store;
  });
  return { store, source, opened };
}

test('objects below the prefix are files; the environment says where the bucket is', async () => {
  const { source, opened } = await openPets();
  expect(opened).toEqual(['s3://photos/pets/cats/?endpoint=http://127.0.0.1:9000&region=eu-1']);
  expect(source.files.map(({ name, size }) => [name, size])).toEqual([
    ['a/c.png', 16],
    ['b.png', 14],
  ]);
  expect(source.hidden).toBe(2);
  const [first] = source.files;
  expect(Buffer.from((await first?.read()) ?? '').toString()).toBe('bytes of a/c.png');
  expect(Buffer.from((await first?.readAt(9, 3)) ?? '').toString()).toBe('a/c');
});

test.each(['s3://photos/petsitters', 's3://photos', 's3://other/pets', 's3://photos/people/pets'])(
  '%s lies outside what the environment allows',
  async asked => {
    await expect(openPets(asked)).rejects.toThrow(Forbidden);
  },
);

test('a call cannot name an endpoint, and a place that is none is refused', async () => {
  await expect(openPets('s3://photos/pets?endpoint=http://10.0.0.1')).rejects.toThrow(InvalidInput);
  await expect(openPets('/etc')).rejects.toThrow(InvalidInput);
  await expect(openBucket('s3://photos/pets', [], signal)).rejects.toThrow('lies outside the import buckets');
});

test('an object that changes while it is imported is a conflict', async () => {
  const { store, source } = await openPets();
  await store.put('b.png', Buffer.from('others bytes!!'));
  await expect(source.files[1]?.read()).rejects.toThrow(Conflict);
});
