/** @file Whole listings, page by page. */
import type { ListResult, ObjectInfo, ObjectStore } from './types.ts';

export interface WholeListOptions {
  readonly signal?: AbortSignal | undefined;
  readonly delimiter?: string;
}

/** All pages of a listing. */
export async function* eachPage(
  store: ObjectStore,
  prefix: string,
  { signal, ...roll }: WholeListOptions = {},
): AsyncIterable<ListResult> {
  for (let after: string | undefined; ; ) {
    signal?.throwIfAborted();
    const page = await store.list(prefix, { ...roll, ...(after !== undefined && { after }) });
    yield page;
    if (page.next === undefined) return;
    after = page.next;
  }
}

/** All objects below a prefix. */
export async function* listAll(store: ObjectStore, prefix: string, signal?: AbortSignal): AsyncIterable<ObjectInfo> {
  for await (const { objects } of eachPage(store, prefix, { signal })) yield* objects;
}

/** The folders directly below a prefix, with a "/" at the end: `experiments/a/` for `experiments/`. */
export async function listFolders(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const folders: string[] = [];
  for await (const { prefixes } of eachPage(store, prefix, { signal, delimiter: '/' })) folders.push(...prefixes);
  return folders;
}
