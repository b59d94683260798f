/** @file A second server with a gpu-runner of its own, over a store in a folder. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeFolders } from '../../configs/make-folders.ts';
import { Conflict } from '../../errors.ts';
import { createApiClient } from '../http.ts';
import { startEasel } from '../up.ts';
import type { Site } from './rebuild.ts';

export interface SecondSite {
  readonly api: Site;
  /** Folder of its store. */
  readonly folder: string;
  readonly isTemporary: boolean;
  /** Ends its processes. A temporary store is deleted, unless it is to be kept. */
  close(options: { readonly keep: boolean }): Promise<void>;
}

/**
 * @param given Folder of the store; absent: a temporary one. @param source Store of the first server, as /health tells.
 * @throws Conflict if both are the same.
 */
export async function openSecondSite(given: string | undefined, source: string | undefined): Promise<SecondSite> {
  const folder = given === undefined ? await mkdtemp(join(tmpdir(), 'easel-reproduce-')) : resolve(given);
  if (source === `file:${folder}`) {
    throw new Conflict(`${folder} is the store of the server that made the picture`, {
      expected: 'another folder: what is stored already would not be computed',
    });
  }
  await makeFolders(folder);
  // A gpu-runner of its own name: the first one may hold the device.
  const easel = await startEasel({
    store: `file:${folder}`,
    host: '127.0.0.1',
    port: 0,
    device: `reproduce-${process.pid}`,
  });
  return {
    api: createApiClient(easel.url, process.env.EASEL_TOKEN || undefined),
    folder,
    isTemporary: given === undefined,
    async close({ keep }) {
      await easel.stop();
      if (given === undefined && !keep) await rm(folder, { recursive: true, force: true });
    },
  };
}
