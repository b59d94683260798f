/** @file A process that writes to a folder store, for tests: `node file-writer.ts MODE DIR KEY COUNT` */
import { createHash } from 'node:crypto';
import { PreconditionFailed } from '../../errors.ts';
import { openFileStore } from '../drivers/file/file-store.ts';
import type { Etag, ObjectStore } from '../types.ts';

/** `<number> <sha256 of the number> <filler>`: a body that shows whether it is complete. */
export function makeNumberedBody(value: number): Uint8Array {
  const text = `${value} ${createHash('sha256').update(String(value)).digest('hex')} `;
  return new Uint8Array(Buffer.from(text.padEnd(50_000 + (value % 7) * 1000, `${value % 10}`)));
}

/** The number; undefined when the body is not complete. */
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

  /** Creates `<key>-0`, `<key>-1` and so on. Prints the numbers of the keys that it created first. */
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

  /**
   * Counts until it is killed. Stores each number under `<key>` by compare-and-swap and under `<key>-free` without a
   * condition, then prints it.
   */
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
