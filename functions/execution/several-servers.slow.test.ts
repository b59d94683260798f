import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../errors.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { openFileStore } from '../../storage/drivers/file/file-store.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { takesAll } from '../../test/whole-suite.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { findExperimentFaults } from '../testing/history.ts';
import { createPausable } from '../testing/pausable.ts';
import { createTrainingLab, ENGINE, listKeys, type TrainingLab } from '../testing/training.ts';

const SERVERS = 3;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** By a seed, each operation takes up to 3 ms, so that servers overtake each other. */
function delayStore(store: ObjectStore, seed: number): ObjectStore {
  let state = seed;
  return interceptStore(store, async (_, run) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    await new Promise(resolve => setTimeout(resolve, (state >>> 16) % 4));
    return run();
  });
}

/** The checkpoint that an undisturbed run ends with. */
let undisturbed: string;
beforeAll(async () => {
  const lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy' });
  undisturbed = (await readHead(lab.store, 'toy')).value.checkpoint ?? 'none';
});

/** Repeats the call while its error is retryable. */
async function trainPatiently(lab: TrainingLab): Promise<unknown> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await lab.executor.callEffect('train', { experiment: 'toy' });
    } catch (error) {
      if (!(error instanceof AppError) || !error.retryable || attempt === 10) throw error;
    }
  }
}

const stores: Readonly<Record<string, (folder: string) => Promise<ObjectStore>>> = {
  memory: async () => createMemoryStore(),
  file: openFileStore,
};

describe.each(Object.keys(stores))('several servers, each with its own runner, over one %s store', kind => {
  let folder: string;
  let store: ObjectStore;
  let labs: readonly TrainingLab[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-several-'));
    store = (await stores[kind]?.(folder)) ?? createMemoryStore();
    labs = Array.from({ length: SERVERS }, (_, i) =>
      // Each device computes other bytes.
      createTrainingLab(delayStore(store, i + 1), { rounding: `device ${i}` }),
    );
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('a sample that all servers compute has one result, though their devices round differently', async () => {
    await labs[0]?.create('toy');
    await labs[0]?.executor.callEffect('train', { experiment: 'toy' });
    const body = { checkpoint: 'toy', prompts: ['a red hat', 'a blue hat'], steps: 2, engine: ENGINE };
    const answers = await Promise.all(labs.map(lab => lab.executor.call('sample', body)));
    expect(labs.filter(lab => lab.runner.computed.at(-1) === 'sample').length).toBeGreaterThan(1);
    const [first, ...others] = answers;
    for (const { action, result } of others)
      expect({ action, result }).toEqual({ action: first?.action, result: first?.result });
    const again = await Promise.all(labs.map(lab => lab.executor.call('sample', body)));
    for (const answer of again) expect(answer).toMatchObject({ cache: 'hit', result: first?.result });
    const committed = (await listKeys(store, 'actions/sample/')).map(key => `sha256:${key.slice(-69, -5)}`);
    expect(committed).toContain(first?.action);
  });

  test('a training that all servers run at the same time has one history and one result per chunk', async () => {
    await labs[0]?.create('toy');
    const answers = await Promise.all(labs.map(lab => lab.executor.callEffect('train', { experiment: 'toy' })));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ state: 'done', step: 16 });
    expect(await findExperimentFaults(store, 'toy')).toEqual([]);
    // The lease kept the others from training too.
    expect(labs.flatMap(lab => lab.runner.computed).filter(job => job !== 'sample')).toHaveLength(4);
  });

  test('without a working lease all servers train, and there is still one history', async () => {
    // By the clock of each server, the leases of earlier servers expired long ago.
    const time = new FakeTime();
    labs = labs.map((_, i) =>
      createTrainingLab(delayStore(store, i + 1), {
        rounding: `device ${i}`,
        lease: { clock: time.clock(i * HOUR_MS) },
      }),
    );
    await labs[0]?.create('toy');
    const all = Promise.all(
      labs.map(async (lab, i) => {
        // One after the other, so that each server finds the lease of the server before it.
        await time.clock().sleep(i * 20, new AbortController().signal);
        return trainPatiently(lab);
      }),
    );
    const answers = await time.advanceUntil(all);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await findExperimentFaults(store, 'toy')).toEqual([]);
  });
});

/** Operations between two at which a server is paused. */
const EVERY = takesAll('two of three moments at which a server is paused') ? 8 : 24;

describe('a server that is paused past the expiry of its lease', () => {
  /** A is paused at an operation; B takes over; A wakes when B has ended or has made a chunk. */
  async function pause(at: number, arrives: boolean, early: boolean) {
    const store = createMemoryStore();
    const time = new FakeTime();
    await createTrainingLab(store).create('toy');
    const pausable = createPausable({ store, clock: time.clock(), at, arrives });
    const first = createTrainingLab(pausable.store, { lease: { clock: pausable.clock } });
    const call = first.executor.callEffect('train', { experiment: 'toy' }).then(
      () => undefined,
      (error: unknown) => error,
    );
    await Promise.race([pausable.paused, call]);
    const second = createTrainingLab(store, { lease: { clock: time.clock() } });
    if (early) {
      second.runner.onStep = async step => {
        if (step < 13) return;
        pausable.wake();
        await time.advance(15_000);
      };
    }
    await time.advanceUntil(second.executor.callEffect('train', { experiment: 'toy' }));
    pausable.wake();
    const failure = await time.advanceUntil(call);
    return {
      store,
      failure,
      operations: pausable.operations,
      computed: [first, second].map(lab => lab.runner.computed),
    };
  }

  test.each([
    ['its operation arrives, and the answer is late', true],
    ['its operation itself is late', false],
  ])('anywhere: %s, the history is one line, and the same', async (_, arrives) => {
    const { operations } = await pause(Number.POSITIVE_INFINITY, true, false);
    let conflicts = 0;
    for (let at = 1 + Number(arrives); at <= operations; at += EVERY) {
      const { store, failure } = await pause(at, arrives, at % (2 * EVERY) < EVERY);
      const { value } = await readHead(store, 'toy');
      expect(value, `paused at ${at}`).toMatchObject({ state: 'done', checkpoint: undisturbed });
      expect(await findExperimentFaults(store, 'toy'), `paused at ${at}`).toEqual([]);
      if (failure === undefined) continue;
      conflicts++;
      expect(failure, `paused at ${at}`).toMatchObject({ code: 'conflict', retryable: true });
      expect(String(failure)).toMatch(/is driven by pid|was moved by another call/);
    }
    expect(conflicts).toBeGreaterThan(40 / EVERY);
  });
});

describe('clocks', () => {
  test.each([
    ['an hour ahead', HOUR_MS],
    ['an hour behind', -HOUR_MS],
    ['a day ahead', DAY_MS],
  ])('of which one is %s cost double work at most', async (_, offset) => {
    const store = createMemoryStore();
    const time = new FakeTime();
    const terms = [time.clock(), time.clock(offset)];
    const labs = terms.map(clock =>
      createTrainingLab(delayStore(store, 7), { lease: { clock }, clock: { ...SYSTEM_CLOCK, now: clock.now } }),
    );
    await labs[0]?.create('toy');
    const answers = await time.advanceUntil(Promise.all(labs.map(trainPatiently)));
    for (const answer of answers) expect(answer).toMatchObject({ state: 'done', checkpoint: undisturbed });
    expect(await findExperimentFaults(store, 'toy')).toEqual([]);
  });

  test.each([
    ['forward', DAY_MS],
    ['back', -DAY_MS],
  ])('that jump %s by a day in mid-training lose nothing', async (_, jump) => {
    const store = createMemoryStore();
    const time = new FakeTime();
    let offset = 0;
    const jumping = time.clock(() => offset);
    const first = createTrainingLab(store, { lease: { clock: jumping }, clock: { ...SYSTEM_CLOCK, now: jumping.now } });
    const watching = createTrainingLab(store, { lease: { clock: time.clock() } });
    await first.create('toy');
    first.runner.onStep = async step => {
      if (step === 6) offset = jump;
      if (step > 5 && step < 8) await time.clock().sleep(20_000, new AbortController().signal);
    };
    const calls = [first, watching].map(trainPatiently);
    const answers = await time.advanceUntil(Promise.all(calls));
    for (const answer of answers) expect(answer).toMatchObject({ state: 'done', checkpoint: undisturbed });
    expect(await findExperimentFaults(store, 'toy')).toEqual([]);
  });
});
