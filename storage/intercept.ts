/** @file A store with something around each of its operations: retries, and in tests delays, faults and deaths. */
import type { ObjectStore, PutOptions } from './types.ts';

/** An operation as it is about to happen. */
export type StoreCall =
  | { readonly operation: 'get' | 'head' | 'list' | 'delete'; readonly key: string }
  | { readonly operation: 'put'; readonly key: string; readonly options: PutOptions }
  | { readonly operation: 'copy'; readonly key: string; readonly from: string };

/** Runs the operation, or does not, or does so again. For a listing the key is the prefix. */
export type Around = <T>(call: StoreCall, run: () => Promise<T>) => Promise<T>;

/** Spooling and closing are not operations on objects and pass through. */
export function interceptStore(store: ObjectStore, around: Around): ObjectStore {
  return {
    url: store.url,
    get: (key, range) => around({ operation: 'get', key }, () => store.get(key, range)),
    head: key => around({ operation: 'head', key }, () => store.head(key)),
    list: (prefix, options) => around({ operation: 'list', key: prefix }, () => store.list(prefix, options)),
    delete: key => around({ operation: 'delete', key }, () => store.delete(key)),
    put: (key, body, options = {}) => around({ operation: 'put', key, options }, () => store.put(key, body, options)),
    copy: (from, to) => around({ operation: 'copy', key: to, from }, () => store.copy(from, to)),
    spool: chunks => store.spool(chunks),
    close: () => store.close(),
  };
}
