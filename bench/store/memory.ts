/** @file Measures the memory of a server while a blob passes through it. */

import { startServer } from '../../test/site/listening-process.ts';
import { fetchBlob, postBlob } from './blob-transfer.ts';
import type { Contestant } from './contestants.ts';
import type { Report } from './rows.ts';

const MIB = 2 ** 20;

export interface MemoryOptions {
  readonly contestants: ReadonlyMap<string, Contestant>;
  /** Folder for the cache of the server. */
  readonly folder: string;
  readonly mebibytes: number;
  readonly report: Report;
}

export async function measureMemory({ contestants, folder, mebibytes, report }: MemoryOptions): Promise<void> {
  const bytes = mebibytes * MIB;
  for (const [by, contestant] of contestants) {
    const server = await startServer(contestant.env, folder);
    try {
      const idle = await server.readPeakBytes();
      const storeIdle = await contestant.readPeakBytes?.();
      const tell = async (verb: string, ms: number) => {
        const grown = (await server.readPeakBytes()) - idle;
        const storePeak = await contestant.readPeakBytes?.();
        report({
          case: `${verb} ${mebibytes} MiB through the server`,
          by,
          measures: {
            peak_over_idle_mib: grown / MIB,
            idle_mib: idle / MIB,
            ...(storePeak && storeIdle && { store_peak_over_idle_mib: (storePeak - storeIdle) / MIB }),
            gb_per_second: bytes / ms / 1e6,
          },
          peer: 'holding the blob',
          ratio: bytes / grown,
        });
      };
      const start = performance.now();
      const digest = await postBlob(server.url, mebibytes, 1);
      const posted = performance.now();
      await tell('post', posted - start);
      const got = await fetchBlob(server.url, digest);
      if (got.digest !== digest || got.bytes !== bytes) throw new Error(`got ${got.bytes} bytes of ${got.digest}`);
      await tell('then fetch', performance.now() - posted);
    } finally {
      await server.stop();
    }
  }
}
