/** @file What a server takes in memory while a blob passes through it. */
import { fetchBlob, postBlob } from './blob-transfer.ts';
import { startServer } from './listening-process.ts';
import type { Report } from './store-rows.ts';

export interface MemoryOptions {
  /** Stores by name, as EASEL_STORE has them, with what else the server needs in its environment. */
  readonly stores: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** For the server's cache. */
  readonly folder: string;
  readonly mebibytes: number;
  readonly report: Report;
}

export async function measureMemory({ stores, folder, mebibytes, report }: MemoryOptions): Promise<void> {
  const bytes = mebibytes * 2 ** 20;
  for (const [by, env] of Object.entries(stores)) {
    const server = await startServer(env, folder);
    try {
      const idle = await server.readPeakBytes();
      const tell = async (verb: string, ms: number) => {
        const grown = (await server.readPeakBytes()) - idle;
        report({
          case: `${verb} ${mebibytes} MiB through the server`,
          by,
          measures: { peak_over_idle_mib: grown / 2 ** 20, idle_mib: idle / 2 ** 20, gb_per_second: bytes / ms / 1e6 },
          peer: 'holding the blob',
          ratio: bytes / grown,
        });
      };
      let start = performance.now();
      const digest = await postBlob(server.url, mebibytes, 1);
      await tell('post', performance.now() - start);
      start = performance.now();
      const got = await fetchBlob(server.url, digest);
      if (got.digest !== digest || got.bytes !== bytes) throw new Error(`got ${got.bytes} bytes of ${got.digest}`);
      await tell('post and fetch', performance.now() - start);
    } finally {
      await server.stop();
    }
  }
}
