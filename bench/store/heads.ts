/**
 * @file Measures the head of a short and of a long experiment: its bytes, and the time of a border of chunks. The peer
 * is a head that names all of its chunks.
 */
import { PAGE, packChunks, readChunks } from '../../functions/experiments/chunk-pages.ts';
import { changeHead, readHead } from '../../functions/experiments/experiment-head.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import { digestOf } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { Report } from './rows.ts';

const COUNTS = [10, 10_000];
/** As many as make one page. */
const BORDERS = PAGE;
/** They are all alike. */
const BORDERS_OF_PEER = 4;
const NAME = 'bench-heads';
const PEER = 'all chunks in the head';
const METRICS = ['sys/iter_per_sec', 'sys/wait_share', 'memory/rss_gb'];

export interface HeadsOptions {
  readonly stores: Readonly<Record<string, ObjectStore>>;
  readonly rounds: number;
  readonly report: Report;
}

export async function measureHeads({ stores, rounds, report }: HeadsOptions): Promise<void> {
  for (const [by, store] of Object.entries(stores)) {
    for (const count of COUNTS) {
      const whole = headOf(count);
      const paged = await packChunks(createBlobStore(store), whole);
      for (const [work, measure] of Object.entries({ border: timeBorder, 'read of all chunks': timeReading })) {
        const [ours, peers]: [number[], number[]] = [[], []];
        for (let round = -1; round < rounds; round++) {
          const times = [await measure(store, paged, true), await measure(store, whole, false)] as const;
          if (round < 0) continue;
          ours.push(times[0]);
          peers.push(times[1]);
        }
        report({
          ...{ case: `${work} at ${count} chunks`, by, peer: PEER, ratio: median(peers) / median(ours) },
          measures: {
            bytes_of_head: canonicalJson(paged).length,
            processor_ms: median(ours),
            bytes_of_head_of_peer: canonicalJson(whole).length,
            processor_ms_of_peer: median(peers),
          },
        });
      }
    }
  }
}

/** Processor time of the change of a head at a border, by compare-and-swap. @param packs Whether pages are made. */
async function timeBorder(store: ObjectStore, head: ExperimentHead, packs: boolean): Promise<number> {
  const blobs = createBlobStore(store);
  const borders = packs ? BORDERS : BORDERS_OF_PEER;
  await writeHead(store, head);
  const spent = await timeOf(async () => {
    for (let n = stepOf(head); n < stepOf(head) + borders; n++) {
      await changeHead(store, NAME, now => {
        const changed = { ...now, chunks: [...now.chunks, chunkOf(n)] };
        return packs ? packChunks(blobs, changed) : changed;
      });
    }
  });
  return spent / borders;
}

async function timeReading(store: ObjectStore, head: ExperimentHead): Promise<number> {
  const blobs = createBlobStore(store);
  await writeHead(store, head);
  return timeOf(async () => {
    const read = await readChunks(blobs, (await readHead(store, NAME)).value);
    if (read.length !== stepOf(head)) throw new Error(`${read.length} chunks were read`);
  });
}

/** Milliseconds of processor time, which other work on the machine hardly changes. */
async function timeOf(work: () => Promise<void>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

async function writeHead(store: ObjectStore, head: ExperimentHead): Promise<void> {
  const { experiments } = createRefs(store);
  await experiments.delete(NAME);
  await experiments.create(NAME, head);
}

const stepOf = ({ chunks }: ExperimentHead) => chunks.at(-1)?.to ?? 0;

/** Of one step, as a border with a validation writes it. */
function chunkOf(n: number): Chunk {
  return {
    ...{ from: n, to: n + 1, log: digestOf(`log ${n}`), record: digestOf(`record ${n}`) },
    loss: { first: 1 / (n + 1), median: 1 / (n + 2) },
    metrics: Object.fromEntries(METRICS.map(name => [name, 1 / (n + 3)])),
    artifacts: { validation: digestOf(`validation ${n}`) },
  };
}

function headOf(count: number): ExperimentHead {
  return {
    ...{ v: 2, config: digestOf('config'), dataset: digestOf('dataset'), target: 1, state: 'running' },
    engine: { name: 'reference', precision: 'f32', threads: 1 },
    plan: { micro_batch: 2, gradient_checkpointing: false },
    ...{ history: [], superseded: [], pinned: [], chunks: Array.from({ length: count }, (_, n) => chunkOf(n)) },
  };
}
