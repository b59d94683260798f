/**
 * @file Speed of stores and of calls served from them: puts and bytes per second, heads of short and long experiments,
 * time of a cached call, memory while a large blob passes, hashing. Each is a ratio to a peer in the same run.
 * `node bench/store.ts [--stores file,endpoint,minio] [--only puts,blobs,heads,hashing,hits,memory] [--rounds N]
 * [--seconds N] [--mebibytes 64,256] [--folder DIR] [--json]`
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureBlobs } from './store/blobs.ts';
import { CONTESTANTS, type Contestant } from './store/contestants.ts';
import { measureHashing } from './store/hashing.ts';
import { measureHeads } from './store/heads.ts';
import { measureHits } from './store/hits.ts';
import { measureMemory } from './store/memory.ts';
import { measurePuts } from './store/puts.ts';
import { createReport } from './store/rows.ts';

const { values: options } = parseArgs({
  options: {
    stores: { type: 'string', default: Object.keys(CONTESTANTS).join(',') },
    only: { type: 'string', default: 'puts,blobs,heads,hashing,hits,memory' },
    rounds: { type: 'string', default: '5' },
    /** Duration of each load of cached calls. */
    seconds: { type: 'string', default: '5' },
    mebibytes: { type: 'string', default: '64,256' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
});

const report = createReport(options.json);
const rounds = Number(options.rounds);
const folder = await mkdtemp(join(options.folder, 'easel-bench-'));
const opened = new Map<string, Contestant>();
try {
  for (const name of options.stores.split(',')) {
    const open = CONTESTANTS[name];
    if (open === undefined)
      throw new Error(`--stores ${name}: expected some of ${Object.keys(CONTESTANTS).join(', ')}`);
    try {
      opened.set(name, await open(await mkdtemp(join(folder, `${name}-`))));
    } catch (error) {
      console.error(`SKIPPED: all rows of ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const stores = Object.fromEntries([...opened].map(([name, { store }]) => [name, store]));
  const files = join(folder, 'files');
  const mebibytes = options.mebibytes.split(',').map(Number);
  const measures: Readonly<Record<string, () => Promise<void>>> = {
    puts: () => measurePuts({ stores, folder: files, count: 200, rounds, report }),
    blobs: () => measureBlobs({ stores, folder: files, mebibytes, rounds, report }),
    heads: () => measureHeads({ stores, rounds, report }),
    hashing: () => measureHashing(rounds, report),
    hits: () => measureHits({ contestants: opened, folder, seconds: Number(options.seconds), report }),
    memory: () => measureMemory({ contestants: opened, folder, mebibytes: 1024, report }),
  };
  for (const name of options.only.split(',')) {
    const measure = measures[name];
    if (measure === undefined) throw new Error(`--only ${name}: expected some of ${Object.keys(measures).join(', ')}`);
    await measure();
  }
} finally {
  for (const { stop } of opened.values()) await stop();
  await rm(folder, { recursive: true });
}
