/** @file Measures large blobs: put and got whole, and in pieces. */
import { execFile } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import type { Digest } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type Turn, takeTurns } from '../turns.ts';
import { makePieces } from './blob-transfer.ts';
import { type Report, reportTurns } from './rows.ts';

const run = promisify(execFile);

export interface BlobsOptions {
  /** Stores by name. Peers are compared with the first store. */
  readonly stores: Readonly<Record<string, ObjectStore>>;
  /** Folder for the files of peers. */
  readonly folder: string;
  readonly mebibytes: readonly number[];
  readonly rounds: number;
  readonly report: Report;
}

export async function measureBlobs({ stores, folder, mebibytes, rounds, report }: BlobsOptions): Promise<void> {
  await mkdir(folder, { recursive: true });
  const [source, target] = [join(folder, 'source'), join(folder, 'target')];
  for (const size of mebibytes) {
    const bytes = await gather(makePieces(size, size));
    await writeFile(source, bytes, { flush: true });
    const away = { after: () => rm(target) };
    const writers: Readonly<Record<string, Turn>> = {
      'fs.writeFile, not durable': { run: () => writeFile(target, bytes), ...away },
      'fs.writeFile and fsync': { run: () => writeFile(target, bytes, { flush: true }), ...away },
      'cp, not durable': { run: () => run('cp', [source, target]), ...away },
      'cp and fsync': { run: () => run('cp', [source, target]).then(() => sync(target)), ...away },
    };
    const readers: Readonly<Record<string, Turn>> = {
      'fs.readFile, not verified': { run: () => readFile(source) },
    };
    const verbs = {
      put: { peers: writers, make: (store: ObjectStore) => putting(store, blobs => blobs.put(bytes)) },
      'put in pieces': {
        peers: writers,
        make: (store: ObjectStore) => putting(store, blobs => blobs.putStream(makePieces(size, size))),
      },
      get: {
        peers: readers,
        make: (store: ObjectStore) => getting(store, bytes, (blobs, digest) => blobs.get(digest)),
      },
      'get in pieces': {
        peers: readers,
        make: (store: ObjectStore) => getting(store, bytes, (blobs, digest) => drain(blobs.stream(digest))),
      },
    };
    for (const [verb, { peers, make }] of Object.entries(verbs)) {
      const ours: Record<string, Turn> = {};
      for (const [by, store] of Object.entries(stores)) ours[by] = await make(store);
      const times = await takeTurns({ ...ours, ...peers }, rounds);
      reportTurns(report, {
        case: `${verb}: a blob of ${size} MiB`,
        times,
        stores: Object.keys(ours),
        peers: Object.keys(peers),
        measure: ms => ({ gb_per_second: bytes.length / ms / 1e6, ms }),
      });
      for (const store of Object.values(stores)) await removeBlobs(store);
    }
  }
  await rm(folder, { recursive: true });
}

type Blobs = ReturnType<typeof createBlobStore>;

async function putting(store: ObjectStore, put: (blobs: Blobs) => Promise<{ readonly digest: Digest }>): Promise<Turn> {
  const blobs = createBlobStore(store);
  let digest: Digest | undefined;
  return {
    run: async () => {
      digest = (await put(blobs)).digest;
    },
    after: async () => digest && store.delete(blobKey(digest)),
  };
}

async function getting(
  store: ObjectStore,
  bytes: Uint8Array,
  get: (blobs: Blobs, digest: Digest) => Promise<unknown>,
): Promise<Turn> {
  const blobs = createBlobStore(store);
  const { digest } = await blobs.put(bytes);
  return { run: () => get(blobs, digest) };
}

async function removeBlobs(store: ObjectStore): Promise<void> {
  for (const { key, size } of (await store.list('cas/')).objects) if (size > 1 << 20) await store.delete(key);
}

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of pieces);
}

async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

async function sync(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
