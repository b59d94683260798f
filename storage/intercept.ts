/** @file Wraps every operation of a store: with retries, and in tests with delays, faults and crashes. */
import type { ObjectStore, PutOptions } from './types.ts';

/** An operation before it runs. For a listing, the key is the prefix. */
export type StoreCall =
  | { readonly operation: 'get' | 'head' | 'list' | 'delete'; readonly key: string }
  | { readonly operation: 'put'; readonly key: string; readonly options: PutOptions }
  | { readonly operation: 'copy'; readonly key: string; readonly from: string };

/** May run the operation once, several times or never. */
export type Around = <T>(call: StoreCall, run: () => Promise<T>) => Promise<T>;

/** Calls `around` for every operation on objects. Spooling and closing pass through. */
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
