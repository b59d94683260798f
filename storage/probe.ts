/** @file What a store must show before it is trusted: several accept the headers of conditional writes and do not honour them. */
import { randomUUID } from 'node:crypto';
import { Conflict, Internal, PreconditionFailed } from '../errors.ts';
import type { ObjectStore, PutOptions } from './types.ts';

const CONCURRENT_CREATES = 32;

/**
 * Reads what was written; creates once, also when 32 create at once; replaces by version only. Leaves nothing behind.
 * @throws Internal naming the promise that the store breaks. Errors of the store itself (no access, no answer) pass through.
 */
export async function probeStore(store: ObjectStore): Promise<void> {
  const prefix = `probe/${randomUUID()}`;
  const [single, raced] = [`${prefix}/single`, `${prefix}/raced`];
  const write = (key: string, text: string, options: PutOptions) => store.put(key, Buffer.from(text), options);
  const read = async (key: string) => Buffer.from((await store.get(key))?.body ?? []).toString();
  const demand = (kept: boolean, promise: string) => {
    if (!kept) throw unfit(store, promise);
  };

  try {
    const first = await write(single, 'first', { ifNoneMatch: '*' });
    demand((await read(single)) === 'first', 'reading gives what was written');
    demand(await isRejected(write(single, 'again', { ifNoneMatch: '*' })), 'creating what exists fails');
    demand(
      !(await isRejected(write(single, 'second', { ifMatch: first.etag }))),
      'replacing the version that is there succeeds',
    );
    demand((await store.head(single))?.etag !== first.etag, 'other bytes are another version');
    demand(await isRejected(write(single, 'stale', { ifMatch: first.etag })), 'replacing an old version fails');
    demand((await read(single)) === 'second', 'a rejected write changes nothing');
    demand(await isRejected(write(`${prefix}/absent`, 'x', { ifMatch: first.etag })), 'replacing what is absent fails');

    const creators = Array.from({ length: CONCURRENT_CREATES }, (_, i) => `creator ${i}`);
    const rejected = await Promise.all(creators.map(name => isRejected(write(raced, name, { ifNoneMatch: '*' }))));
    const winners = creators.filter((_, i) => !rejected[i]);
    demand(winners.length === 1, `of ${CONCURRENT_CREATES} concurrent creations one succeeds (${winners.length} did)`);
    demand((await read(raced)) === winners[0], 'the bytes that stay are those of the creation that succeeded');
    const { objects } = await store.list(`${prefix}/`);
    demand(objects.map(object => object.key).join() === [raced, single].join(), 'a listing shows what was written');
  } finally {
    for (const key of [single, raced, `${prefix}/absent`]) await store.delete(key);
  }
}

async function isRejected(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return false;
  } catch (error) {
    if (error instanceof PreconditionFailed || error instanceof Conflict) return true;
    throw error;
  }
}

function unfit(store: ObjectStore, promise: string): Internal {
  return new Internal(`the store ${store.url} breaks a promise: ${promise}`, {
    expected: 'a store with strict conditional writes',
    hint: 'use a folder (file:DIR), or an S3 store that honours If-None-Match and If-Match under concurrency',
  });
}
