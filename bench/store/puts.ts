/** @file Measures puts of small objects, one after the other and many at a time. */
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { writeVersioned } from '../../storage/names/versioned.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type Turn, takeTurns } from '../turns.ts';
import { type Report, reportTurns } from './rows.ts';

const OBJECT_BYTES = 4096;
const WIDTHS = [1, 16];

export interface PutsOptions {
  /** Stores by name. Peers are compared with the first store. */
  readonly stores: Readonly<Record<string, ObjectStore>>;
  /** Folder for the files of peers. */
  readonly folder: string;
  /** Number of objects in a turn. */
  readonly count: number;
  readonly rounds: number;
  readonly report: Report;
}

export async function measurePuts({ stores, folder, count, rounds, report }: PutsOptions): Promise<void> {
  const indices = Array.from({ length: count }, (_, i) => i);
  for (const width of WIDTHS) {
    const many = (put: (i: number, round: number) => Promise<unknown>): Turn => ({
      run: round => mapBounded(indices, { width }, i => put(i, round)),
    });
    const peers = {
      'fs.writeFile, not durable': many((i, round) =>
        writeFile(join(folder, `${width}-${round}-${i}`), bytesOf(round, i)),
      ),
      'fs.writeFile and fsync of file and folder': many(async (i, round) => {
        await writeFile(join(folder, `s-${width}-${round}-${i}`), bytesOf(round, i), { flush: true });
        await syncFolder(folder);
      }),
    };
    const cases = {
      blobs: (store: ObjectStore) => {
        const blobs = createBlobStore(store);
        return many((i, round) => blobs.put(bytesOf(round, i, width)));
      },
      'documents, create-only': (store: ObjectStore) =>
        many(async (i, round) => {
          const key = `bench/${width}/${round}/${i}.json`;
          if (!(await writeVersioned(store, key, documentOf(round, i), { ifNoneMatch: '*' }))) throw new Error(key);
        }),
    };
    for (const [name, make] of Object.entries(cases)) {
      await mkdir(folder, { recursive: true });
      const ours = Object.fromEntries(Object.entries(stores).map(([by, store]) => [by, make(store)]));
      const times = await takeTurns({ ...ours, ...peers }, rounds);
      await rm(folder, { recursive: true });
      reportTurns(report, {
        case: `put 4 KiB ${name}, ${width} at a time`,
        times,
        stores: Object.keys(ours),
        peers: Object.keys(peers),
        measure: ms => ({ puts_per_second: (count / ms) * 1000, ms_each: (ms * width) / count }),
      });
    }
  }
}

/** Bytes that differ for all arguments and do not compress. */
function bytesOf(round: number, i: number, salt = 0): Uint8Array {
  const words = new Uint32Array(OBJECT_BYTES / 4);
  const seed = (round + 1) * 1_000_003 + i * 7919 + salt;
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(at + seed, 0x9e3779b1) ^ (seed << 3);
  words[0] = seed;
  words[1] = i;
  return new Uint8Array(words.buffer);
}

function documentOf(round: number, i: number) {
  const text = Buffer.from(bytesOf(round, i))
    .toString('base64')
    .slice(0, OBJECT_BYTES - 20);
  return { v: 1, text };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
