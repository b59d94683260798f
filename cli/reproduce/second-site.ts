/** @file A second server with a gpu-runner of its own, over a store in a folder. */
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
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
  await makeFolders(folder);
  await checkApart(folder, source);
  const discard = () => rm(folder, { recursive: true, force: true });
  // A gpu-runner of its own name: the first one may hold the device.
  const easel = await startEasel({
    store: `file:${folder}`,
    host: '127.0.0.1',
    port: 0,
    device: `reproduce-${process.pid}`,
  }).catch(async (error: unknown) => {
    if (given === undefined) await discard();
    throw error;
  });
  return {
    api: createApiClient(easel.url, process.env.EASEL_TOKEN || undefined),
    folder,
    isTemporary: given === undefined,
    async close({ keep }) {
      await easel.stop();
      if (given === undefined && !keep) await discard();
    },
  };
}

/**
 * A call that is stored already is not computed. So the second store must not be the first one under another path, nor
 * any store in which people work: these have names, and a second store has none.
 * @throws Conflict
 */
export async function checkApart(folder: string, source: string | undefined): Promise<void> {
  const real = await realpath(folder);
  const isSame = source?.startsWith('file:') && real === (await realpath(source.slice('file:'.length)).catch(() => ''));
  const entries = await readdir(real);
  const isWorkedIn = entries.includes('refs');
  const isForeign = entries.length > 0 && !entries.includes('.easel');
  if (!isSame && !isWorkedIn && !isForeign) return;
  const what = isSame ? 'the store of the server that made the picture' : 'a store with names of its own';
  throw new Conflict(`${folder} is ${isForeign && !isSame ? 'a folder with other files' : what}`, {
    expected: 'an empty folder, or the second store of an earlier call: what is stored already would not be computed',
  });
}
