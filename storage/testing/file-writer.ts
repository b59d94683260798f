/** @file Another process on a folder, for tests of the file driver: node file-writer.ts MODE DIR KEY COUNT */
import { createHash } from 'node:crypto';
import { PreconditionFailed } from '../../errors.ts';
import { openFileStore } from '../drivers/file/file-store.ts';
import type { Etag, ObjectStore } from '../types.ts';

/** `<number> <sha256 of the number> <filler>`: a body that tells whether it is whole. */
export function makeNumberedBody(value: number): Uint8Array {
  const text = `${value} ${createHash('sha256').update(String(value)).digest('hex')} `;
  return new Uint8Array(Buffer.from(text.padEnd(50_000 + (value % 7) * 1000, `${value % 10}`)));
}

/** The number; undefined when the body is not whole. */
export function readNumberedBody(body: Uint8Array): number | undefined {
  const value = Number.parseInt(Buffer.from(body).toString(), 10);
  return Buffer.compare(body, makeNumberedBody(value)) === 0 ? value : undefined;
}

type Mode = (store: ObjectStore, key: string, count: number) => Promise<void>;

const MODES: Readonly<Record<string, Mode>> = {
  /** Adds one, `count` times, by compare-and-swap. */
  async increment(store, key, count) {
    for (let done = 0; done < count; ) {
      const stored = await store.get(key);
      if (!stored) throw new Error('no counter');
      const next = (readNumberedBody(stored.body) ?? Number.NaN) + 1;
      try {
        await store.put(key, makeNumberedBody(next), { ifMatch: stored.etag });
        done++;
      } catch (error) {
        if (!(error instanceof PreconditionFailed)) throw error;
      }
    }
  },

  /** Creates `<key>-0` and so on, and prints the numbers of those that it was first to create. */
  async create(store, key, count) {
    for (let i = 0; i < count; i++) {
      try {
        await store.put(`${key}-${i}`, makeNumberedBody(process.pid), { ifNoneMatch: '*' });
        console.log(i);
      } catch (error) {
        if (!(error instanceof PreconditionFailed)) throw error;
      }
    }
  },

  /** Until it is killed: the next number, by compare-and-swap under `<key>` and without condition under `<key>-free`; printed when both are stored. */
  async churn(store, key) {
    const stored = await store.get(key);
    let etag: Etag | undefined = stored?.etag;
    for (let value = (stored && readNumberedBody(stored.body)) ?? 0; ; value++) {
      const body = makeNumberedBody(value + 1);
      etag = (await store.put(key, body, etag === undefined ? { ifNoneMatch: '*' } : { ifMatch: etag })).etag;
      await store.put(`${key}-free`, body, { mediaType: 'image/png' });
      console.log(value + 1);
    }
  },
};

if (import.meta.main) {
  const [mode = '', folder = '', key = '', count = '0'] = process.argv.slice(2);
  await MODES[mode]?.(await openFileStore(folder), key, Number(count));
}
