/**
 * @file Kills in one process, at every operation on the store. The next life ends with the objects of an undisturbed
 * run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { canonicalJson } from '../../storage/canonical.ts';
import { openFileStore } from '../../storage/drivers/file/file-store.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import { LEASE_TTL_MS } from '../../storage/names/lease.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { takesAll } from '../whole-suite.ts';
import { compareStores, type Description, describeStore, listLeftovers, sweepStore } from './crash-checks.ts';
import { createLeaseClock, live, liveUntil, recordLife } from './crash-lab.ts';
import { drawOperation, spreadOperations } from './crash-points.ts';
import { MOMENTS } from './mortal-store.ts';

const BEGIN = Date.UTC(2026, 0, 1);
/** Between two looks at another's lease. */
const WATCH_MS = 1000;
const ALL = takesAll('three of four deaths of the sweep in memory');
/** Of the states that a death may leave, every so many are gone on with. */
const EVERY = ALL ? 1 : 4;
const PAIRS = ALL ? 25 : 8;
const POINTS_IN_A_FOLDER = 2;
/** Time limit of each test, on a machine with much else to do. */
const SWEEP_MS = 180_000;

let calm: Awaited<ReturnType<typeof recordLife>>;
let expected: Description;

beforeAll(async () => {
  calm = await recordLife(createLeaseClock(BEGIN));
  expected = await describeStore(createMemoryStore(calm.objects), BEGIN);
});

/** The next life, to its end. @returns What is not as it should be. */
async function finish(store: ObjectStore, bornAt = BEGIN): Promise<string[]> {
  const clock = createLeaseClock(bornAt);
  const ends = await live(store, clock);
  await sweepStore(store);
  const waitedMs = clock.now() - bornAt;
  return [
    ...(canonicalJson({ ...ends }) === canonicalJson({ ...calm.ends }) ? [] : [`ended with ${JSON.stringify(ends)}`]),
    ...(waitedMs > LEASE_TTL_MS + WATCH_MS ? [`waited ${waitedMs} ms for a lease of the dead`] : []),
    ...compareStores(expected, await describeStore(store, bornAt + LEASE_TTL_MS)),
  ];
}

test('an undisturbed pipeline makes pictures, three chunks of which one is superseded, and a sample', () => {
  expect(calm.ends.step).toBe(6);
  const count = (pattern: RegExp) => [...expected.keys()].filter(key => pattern.test(key)).length;
  expect(count(/^experiments\/crash\/log\//)).toBe(3);
  expect(count(/^experiments\/crash\/checkpoints\//)).toBe(2);
  expect(count(/^actions\/train-chunk\//)).toBe(2);
  expect(count(/^actions\/sample\//)).toBe(1);
  expect(count(/^probe\//)).toBe(0);
  expect(expected.get('leases/experiments/crash.json')).toBe('free');
});

test(
  'after a death before or after one of its operations, the next life completes the pipeline',
  async () => {
    const wrong: string[] = [];
    let states = 0;
    let last: MemoryObjects | undefined;
    for (const { moment, operation, call, objects } of calm.moments) {
      // Most operations only read: what they leave has been gone on with already.
      if (last && isSame(last, objects)) continue;
      last = objects;
      if (states++ % EVERY !== 0) continue;
      const problems = await finish(createMemoryStore(new Map(objects)));
      wrong.push(...problems.map(problem => `${moment} ${operation} (${call.operation} ${call.key}): ${problem}`));
    }
    expect(wrong).toEqual([]);
    expect(calm.moments.length).toBe(2 * calm.operations);
    expect(states).toBeGreaterThan(100);
  },
  SWEEP_MS,
);

test(
  'after two deaths in a row, the third life completes the pipeline',
  async () => {
    const wrong: string[] = [];
    for (let pair = 1; pair <= PAIRS; pair++) {
      const store = createMemoryStore();
      const first = drawOperation(`first of pair ${pair}`, calm.operations);
      // The second life takes at least one operation for each that is left, or a hundred to find that nothing is left.
      const second = drawOperation(`second of pair ${pair}`, Math.max(100, calm.operations - first));
      const moment = MOMENTS[pair % 2] ?? 'before';
      const clocks = [createLeaseClock(BEGIN), createLeaseClock(BEGIN + LEASE_TTL_MS)] as const;
      expect(await liveUntil(store, clocks[0], { operation: first, moment })).toBeDefined();
      expect(await liveUntil(store, clocks[1], { operation: second, moment })).toBeDefined();
      const problems = await finish(store, clocks[1].now());
      wrong.push(...problems.map(problem => `${moment} ${first}, then ${second}: ${problem}`));
    }
    expect(wrong).toEqual([]);
  },
  SWEEP_MS,
);

test(
  'after a death over a folder, the next life completes the pipeline and leaves no stray file',
  async () => {
    const wrong: string[] = [];
    for (const [i, operation] of spreadOperations('folder', POINTS_IN_A_FOLDER, calm.operations).entries()) {
      const folder = await mkdtemp(join(tmpdir(), 'easel-sweep-'));
      const store = await openFileStore(folder);
      const moment = MOMENTS[i % 2] ?? 'before';
      const last = await liveUntil(store, createLeaseClock(BEGIN), { operation, moment });
      const problems = [...(await finish(store)), ...(await listLeftovers(folder))];
      wrong.push(...problems.map(problem => `${moment} ${operation} (${last?.operation} ${last?.key}): ${problem}`));
      await store.close();
      await rm(folder, { recursive: true });
    }
    expect(wrong).toEqual([]);
  },
  SWEEP_MS,
);

function isSame(a: MemoryObjects, b: MemoryObjects): boolean {
  return a.size === b.size && [...a].every(([key, stored]) => b.get(key) === stored);
}
