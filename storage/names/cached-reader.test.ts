import { beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Corrupt } from '../../errors.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { interceptStore } from '../intercept.ts';
import type { ObjectStore } from '../types.ts';
import { type CachedReader, createCachedReader } from './cached-reader.ts';

const schema = z.strictObject({ name: z.string(), weight: z.int() });
type Thing = z.infer<typeof schema>;

describe('a cached reader', () => {
  let store: ObjectStore;
  let calls: string[];
  let read: CachedReader<Thing>;
  beforeEach(() => {
    store = createMemoryStore();
    calls = [];
    const watched = interceptStore(store, ({ operation, key }, run) => {
      calls.push(`${operation} ${key}`);
      return run();
    });
    read = createCachedReader(watched, {
      schema,
      check(key, { name }) {
        if (key !== `${name}.json`) throw new Corrupt(`"${key}" is called ${name}`);
      },
      weigh: ({ weight }) => weight,
      capacity: 10,
    });
  });

  const put = (name: string, weight: number, key = `${name}.json`) =>
    store.put(key, Buffer.from(JSON.stringify({ name, weight })));

  it('reads each version once and returns the same value for it', async () => {
    const { etag } = await put('a', 1);
    const first = await read('a.json');
    expect(first).toEqual({ value: { name: 'a', weight: 1 }, etag, lastModified: expect.any(Date) });
    expect((await read('a.json'))?.value).toBe(first?.value);
    expect(calls).toEqual(['get a.json', 'head a.json']);
  });

  it('sees that a document was replaced, deleted and created again', async () => {
    await put('a', 1);
    await read('a.json');
    await put('a', 2);
    expect((await read('a.json'))?.value.weight).toBe(2);
    await store.delete('a.json');
    expect(await read('a.json')).toBeUndefined();
    await put('a', 3);
    expect((await read('a.json'))?.value.weight).toBe(3);
  });

  it('keeps the documents used last, up to its capacity', async () => {
    for (const name of ['a', 'b', 'c']) await put(name, 4);
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await read(`${name}.json`);
    expect(calls).toEqual(['get a.json', 'get b.json', 'head a.json', 'get c.json', 'head a.json', 'get b.json']);
  });

  it('does not keep a document larger than its capacity', async () => {
    await put('large', 11);
    await put('a', 10);
    for (const name of ['large', 'large', 'a', 'a']) await read(`${name}.json`);
    expect(calls).toEqual(['get large.json', 'get large.json', 'get a.json', 'head a.json']);
  });

  it('checks each document and keeps no wrong one', async () => {
    await put('a', 1, 'b.json');
    await expect(read('b.json')).rejects.toBeInstanceOf(Corrupt);
    await expect(read('b.json')).rejects.toThrow('"b.json" is called a');
    await put('c', 1, 'c.json');
    await read('c.json');
    await store.put('c.json', Buffer.from('{'));
    await expect(read('c.json')).rejects.toBeInstanceOf(Corrupt);
  });
});
