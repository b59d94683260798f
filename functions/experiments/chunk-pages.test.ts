import { beforeEach, describe, expect, test } from 'vitest';
import { BlobMissing } from '../../errors.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalDigest, canonicalJson } from '../../storage/canonical.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import { type ExperimentHead, experimentHeadSchema } from '../../storage/experiment-record.ts';
import { walkReachable } from '../../storage/gc/reachable.ts';
import { listRoots } from '../../storage/gc/roots.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { DOCUMENT_KINDS } from '../upkeep/declarations.ts';
import { noteAlarms } from './alarms.ts';
import { eachChunk, FAN_OUT, findChunk, PAGE, packChunks, readChunks, withChunks } from './chunk-pages.ts';
import { summarizeRun } from './chunks-summary.ts';
import { noteSkipped } from './training-health.ts';

/** Bytes. */
const MOST_OF_HEAD = 45_000;
const METRICS = ['sys/iter_per_sec', 'sys/wait_share', 'memory/rss_gb', 'memory/peak_vram_gb', 'sys/cpu_seconds'];

let objects: MemoryObjects;
let store: ObjectStore;
let blobs: BlobStore;
/** Keys of blobs that were read. */
let reads: string[];

beforeEach(() => {
  objects = new Map();
  reads = [];
  store = interceptStore(createMemoryStore(objects), async ({ operation, key }, run) => {
    if (operation === 'get' && key.startsWith('cas/')) reads.push(key);
    return run();
  });
  blobs = createBlobStore(store);
});

/** The n-th chunk of 10 steps. */
function chunkOf(n: number, more: Partial<Chunk> = {}): Chunk {
  return { from: 10 * n, to: 10 * (n + 1), log: digestOf(`log ${n}`), artifacts: {}, ...more };
}

/** As a border writes it: with losses, numbers of the machine, and two documents. */
function wholeChunk(n: number): Chunk {
  return chunkOf(n, {
    record: digestOf(`record ${n}`),
    loss: { first: 1 / (n + 1), median: 1 / (n + 2) },
    metrics: Object.fromEntries(METRICS.map(name => [name, 1 / (n + 3)])),
    artifacts: { preview: digestOf(`preview ${n}`), validation: digestOf(`validation ${n}`) },
  });
}

function listChunks(count: number, make = (n: number) => chunkOf(n)): Chunk[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function headOf(chunks: readonly Chunk[], former_datasets?: ExperimentHead['former_datasets']): ExperimentHead {
  return {
    ...{ v: 2, config: digestOf('config'), dataset: digestOf('dataset'), target: 1, state: 'running' },
    engine: { name: 'reference', precision: 'f32', threads: 1 },
    plan: { micro_batch: 2, gradient_checkpointing: false },
    ...{ history: [], superseded: [], pinned: [], chunks: [...chunks] },
    ...(former_datasets && { former_datasets }),
  };
}

async function addOneByOne(head: ExperimentHead, chunks: readonly Chunk[]): Promise<ExperimentHead> {
  let now = head;
  for (const chunk of chunks) now = await packChunks(blobs, { ...now, chunks: [...now.chunks, chunk] });
  return now;
}

describe('packing', () => {
  test.each([0, 1, 2 * PAGE - 1, 2 * PAGE, 3 * PAGE - 1, 3 * PAGE, PAGE * (FAN_OUT + 2) + 5])(
    '%i chunks give the same head one by one and all at once, and are read as they were',
    async count => {
      const chunks = listChunks(count, wholeChunk);
      const head = await packChunks(blobs, headOf(chunks));
      expect(canonicalDigest(await addOneByOne(headOf([]), chunks))).toBe(canonicalDigest(head));
      expect(await readChunks(blobs, head)).toEqual(chunks);
      expect(experimentHeadSchema.parse(head)).toEqual(head);
      const last = head.chunks.length;
      expect(last).toBe(count < 2 * PAGE ? count : PAGE + (count % PAGE));
    },
  );

  test('a short run has no page', async () => {
    const head = headOf(listChunks(2 * PAGE - 1));
    expect(await packChunks(blobs, head)).toBe(head);
    expect(objects.size).toBe(0);
  });

  test('the head of any run has at most 45 kB', async () => {
    for (const count of [2 * PAGE - 1, PAGE * FAN_OUT + 2 * PAGE - 1, 10_000]) {
      const head = await packChunks(blobs, headOf(listChunks(count, wholeChunk)));
      expect(canonicalJson(head).length, `${count} chunks`).toBeLessThan(MOST_OF_HEAD);
    }
  });

  test('40,000 chunks make pages of three levels, and fewer than FAN_OUT of each', async () => {
    const chunks = listChunks(40_000);
    const { earlier } = await packChunks(blobs, headOf(chunks));
    const levels = earlier?.pages.map(({ level }) => level) ?? [];
    expect([...new Set(levels)]).toEqual([2, 1, 0]);
    for (const level of [0, 1, 2]) expect(levels.filter(each => each === level).length).toBeLessThan(FAN_OUT);
    expect([earlier?.pages[0]?.from, earlier?.summary.from]).toEqual([0, 0]);
  });

  test('a changed chunk changes its own page alone', async () => {
    const chunks = listChunks(200);
    const head = await packChunks(blobs, headOf(chunks));
    const before = new Set(objects.keys());
    const checked = chunks.map(each => (each.to === 400 ? { ...each, artifacts: { suite: digestOf('suite') } } : each));
    const changed = await withChunks(blobs, head, checked);
    expect(await readChunks(blobs, changed)).toEqual(checked);
    expect([...objects.keys()].filter(key => !before.has(key))).toHaveLength(1);
  });

  test('fewer chunks, as after a damaged checkpoint, give the head of a run that went no further', async () => {
    const chunks = listChunks(150);
    const head = await packChunks(blobs, headOf(chunks));
    const back = await withChunks(blobs, head, chunks.slice(0, 70));
    expect(back).toEqual(await packChunks(blobs, headOf(chunks.slice(0, 70))));
    expect(await withChunks(blobs, head, chunks.slice(0, 20))).toEqual(headOf(chunks.slice(0, 20)));
  });
});

describe('reading', () => {
  const COUNT = PAGE * (FAN_OUT + 4);

  test('the chunks after a step are read without the pages before', async () => {
    const chunks = listChunks(COUNT);
    const head = await packChunks(blobs, headOf(chunks));
    for (const after of [0, 5, 10, 3200, 10 * COUNT - 10, 10 * COUNT]) {
      reads = [];
      const got: Chunk[] = [];
      for await (const chunk of eachChunk(blobs, head, { after })) got.push(chunk);
      expect(got).toEqual(chunks.filter(({ to }) => to > after));
      const pages = Math.ceil((got.length - head.chunks.length) / PAGE);
      expect(reads.length).toBe(Math.max(0, pages) + (after < 10 * PAGE * FAN_OUT ? 1 : 0));
    }
  });

  test('the chunk that ends at a step is found by one page of each level', async () => {
    const chunks = listChunks(COUNT);
    const head = await packChunks(blobs, headOf(chunks));
    for (const [step, pages] of [
      [10, 2],
      [320, 2],
      [330, 2],
      [10 * PAGE * FAN_OUT + 10, 1],
      [10 * COUNT, 0],
    ] as const) {
      reads = [];
      expect(await findChunk(blobs, head, step)).toEqual(chunks[step / 10 - 1]);
      expect(reads).toHaveLength(pages);
    }
    for (const step of [0, 15, 10 * COUNT + 10]) expect(await findChunk(blobs, head, step)).toBeUndefined();
  });

  test('a lost page is an error, unless the reader passes over it', async () => {
    const chunks = listChunks(130);
    const head = await packChunks(blobs, headOf(chunks));
    const [, lost] = head.earlier?.pages ?? [];
    await store.delete(blobKey(lost!.page));
    await expect(readChunks(blobs, head)).rejects.toThrow(BlobMissing);
    const rest = [...chunks.slice(0, PAGE), ...chunks.slice(2 * PAGE)];
    expect(await readChunks(blobs, head, { skipLost: true })).toEqual(rest);
  });

  test('gc and verify reach what the chunks in pages name, and the pages', async () => {
    const put = async (text: string) => (await blobs.put(Buffer.from(text), 'application/jsonl')).digest;
    const chunks: Chunk[] = [];
    for (let n = 0; n < COUNT; n++) {
      const picture = await put(`picture ${n}`);
      const preview = (await putDocument(blobs, { v: 1, kind: 'gallery', links: [picture] })).digest;
      chunks.push(chunkOf(n, { log: await put(`log ${n}`), artifacts: { preview } }));
    }
    const made = new Set(objects.keys());
    await createRefs(store).experiments.create('toy', await packChunks(blobs, headOf(chunks)));
    const pages = [...objects.keys()].filter(key => key.startsWith('cas/') && !made.has(key));
    expect(pages).toHaveLength(FAN_OUT + 3 + 1);
    const reached = await walkReachable(blobs, listRoots(store), { kinds: DOCUMENT_KINDS, onMissing: () => {} });
    const keys = new Set([...reached.digests()].map(blobKey));
    for (const key of [...made, ...pages]) expect(keys.has(key), key).toBe(true);
  });
});

describe('the summary of chunks in pages', () => {
  /** Pseudo-random numbers from 0 to 1. */
  function createRandom(seed: number): () => number {
    let state = seed;
    return () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    };
  }

  function randomChunk(n: number, random: () => number): Chunk {
    const is = (share: number) => random() < share;
    return chunkOf(n, {
      loss: { first: random(), median: random() },
      ...(is(0.05) && { skipped: 1 + (n % 3), suspects: [`picture-${n % 7}`, `picture-${n % 11}`] }),
      ...(is(0.1) && { spikes: { count: 1 + (n % 2), step: 10 * n + 3, times: 2 + Math.round(3 * random()) } }),
      ...(is(0.3) && { flow_loss: { held_out: 0.5 + random() / 4, train: 0.4 + random() / 4 } }),
      artifacts: is(0.2) ? { preview: digestOf(`preview ${n}`) } : {},
    });
  }

  test.each([1, 2, 3, 4])('tells what the chunks tell, on run %i', async seed => {
    const random = createRandom(seed);
    const former: NonNullable<ExperimentHead['former_datasets']> = [];
    let plain = headOf([], former);
    let packed = plain;
    let [alarms, skips] = [0, 0];
    for (let n = 0; n < 250; n++) {
      if (random() < 0.02 && n > 0) former.push({ dataset: digestOf(`dataset ${n}`), until: 10 * n });
      const chunk = randomChunk(n, random);
      plain = { ...plain, chunks: [...plain.chunks, chunk] };
      packed = await packChunks(blobs, { ...packed, chunks: [...packed.chunks, chunk] });
      expect(noteAlarms(packed)).toEqual(noteAlarms(plain));
      expect(noteSkipped(packed)).toEqual(noteSkipped(plain));
      alarms += noteAlarms(packed).length;
      skips += noteSkipped(packed).length;
    }
    expect(packed.earlier?.pages).toHaveLength(6);
    expect(summarizeRun(packed)).toEqual(summarizeRun(plain));
    expect(canonicalDigest(packed)).toBe(canonicalDigest(await packChunks(blobs, plain)));
    expect(alarms).toBeGreaterThan(100);
    expect(skips).toBeGreaterThan(100);
  });

  test('adds up the chunks as a loop over them does', () => {
    const random = createRandom(9);
    const chunks = listChunks(300, n => randomChunk(n, random));
    const until = 1500;
    const own = chunks.flatMap(({ to, flow_loss: loss }) =>
      loss && to > until ? [{ to, ...loss, gap: loss.held_out / loss.train - 1 }] : [],
    );
    const least = (key: 'gap' | 'held_out') => own.reduce((a, b) => (b[key] < a[key] ? b : a)).to;
    const spikes = chunks.flatMap(each => each.spikes ?? []);
    const worst = spikes.reduce((a, b) => (b.times > a.times ? b : a));
    const summary = summarizeRun(headOf(chunks, [{ dataset: digestOf('former'), until }]));
    expect(summary).toMatchObject({
      ...{ from: 0, to: 3000, first_loss: chunks[0]?.loss?.first },
      skipped: chunks.reduce((sum, { skipped = 0 }) => sum + skipped, 0),
      spikes: { ...worst, count: spikes.reduce((sum, { count }) => sum + count, 0) },
      flow_loss: { narrowest: { to: least('gap') }, smallest: { to: least('held_out') }, last: { to: own.at(-1)?.to } },
      artifacts: { preview: chunks.findLast(({ artifacts }) => artifacts.preview)?.artifacts.preview },
    });
    expect(summary?.suspects).toEqual([...new Set(chunks.toReversed().flatMap(each => each.suspects ?? []))]);
  });
});
