import type { ObjectInfo, ObjectStore } from './types.ts';

/** All objects below a prefix, page after page. */
export async function* listAll(store: ObjectStore, prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
  for (let after: string | undefined; ; ) {
    signal?.throwIfAborted();
    const { objects, next } = await store.list(prefix, after === undefined ? {} : { after });
    yield* objects;
    if (next === undefined) return;
    after = next;
  }
}
