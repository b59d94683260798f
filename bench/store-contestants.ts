/** @file The stores that are measured, each as the server knows it and open in this process. */
import { join } from 'node:path';
import { openStore } from '../storage/open.ts';
import type { ObjectStore } from '../storage/types.ts';

export interface Contestant {
  readonly store: ObjectStore;
  /** What a server on it needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Opens one in a new folder. @throws Error that says what is missing. */
export const CONTESTANTS: Readonly<Record<string, (folder: string) => Promise<Contestant>>> = {
  async file(folder) {
    const url = `file:${join(folder, 'objects')}`;
    const store = await openStore(url);
    return { store, env: { EASEL_STORE: url }, stop: () => store.close() };
  },
};
