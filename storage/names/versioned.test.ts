import { describe, expect, it } from 'vitest';
import { Ambiguous, Conflict, Internal, PreconditionFailed, Unreachable } from '../../errors.ts';
import { canonicalJson } from '../canonical.ts';
import { etagOf } from '../drivers/conditions.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { FakeTime, SLEEP_PASSES } from '../testing/fake-time.ts';
import type { Etag, ObjectStore } from '../types.ts';
import { writeVersioned } from './versioned.ts';

const bytes = (value: number) => new Uint8Array(Buffer.from(canonicalJson({ value })));
const lost = () => new Ambiguous('the answer was lost');
/** Makes waits as long as possible. */
const longest = () => 1 - Number.EPSILON;
const CREATE = { ifNoneMatch: '*' } as const;
const SINCE_OLD = { ifMatch: etagOf(bytes(0)) };

/** One put: whether it takes effect, and the error that it throws, if any. */
type Step = (commit: () => Promise<{ readonly etag: Etag }>, memory: ObjectStore) => Promise<{ readonly etag: Etag }>;

const commits: Step = commit => commit();
const commitsUnheard: Step = async commit => {
  await commit();
  throw lost();
};
const neverArrives: Step = async () => {
  throw lost();
};
const fails =
  (error: Error): Step =>
  async () => {
    throw error;
  };

/** Plays one step for each put; more puts fail the test. */
async function play(steps: readonly Step[], condition: typeof CREATE | typeof SINCE_OLD, start?: number) {
  const memory = createMemoryStore();
  if (start !== undefined) await memory.put('doc', bytes(start));
  const left = [...steps];
  const store: ObjectStore = {
    ...memory,
    put: (...args) => {
      const step = left.shift();
      if (!step) throw new Error('sent once more than expected');
      return step(() => memory.put(...args), memory);
    },
  };
  const time = new FakeTime(SLEEP_PASSES);
  const timing = { clock: time.clock(), random: longest };
  const outcome = await writeVersioned(store, 'doc', { value: 1 }, condition, timing).catch((error: Error) => error);
  expect(left).toEqual([]);
  const body = (await memory.get('doc'))?.body;
  return { outcome, stored: body && JSON.parse(Buffer.from(body).toString()).value, time };
}

describe('a conditional write', () => {
  const OURS = etagOf(bytes(1));
  for (const [name, condition, start] of [
    ['create', CREATE, undefined],
    ['replace', SINCE_OLD, 0],
  ] as const) {
    it(`finds out that it was committed when the answer is lost (${name})`, async () => {
      expect(await play([commitsUnheard], condition, start)).toMatchObject({ outcome: OURS, stored: 1 });
    });

    it(`is sent again when it did not arrive (${name})`, async () => {
      const steps = [neverArrives, neverArrives, commits];
      const { outcome, stored, time } = await play(steps, condition, start);
      expect({ outcome, stored }).toEqual({ outcome: OURS, stored: 1 });
      expect(time.sleeps.map(Math.round)).toEqual([100, 200]);
    });

    it(`recognises its first copy in the rejection of the second (${name})`, async () => {
      let late: () => Promise<unknown> = async () => {};
      const delayed: Step = async commit => {
        late = commit;
        throw lost();
      };
      const rejected: Step = async commit => {
        await late();
        return commit();
      };
      expect(await play([delayed, rejected], condition, start)).toMatchObject({ outcome: OURS, stored: 1 });
      const inConflict: Step = async () => {
        await late();
        throw new Conflict('being written');
      };
      expect(await play([delayed, inConflict], condition, start)).toMatchObject({ outcome: OURS, stored: 1 });
    });

    it(`takes effect once, also when its first copy arrives after the second (${name})`, async () => {
      let late: () => Promise<unknown> = async () => {};
      const delayed: Step = async commit => {
        late = commit;
        throw lost();
      };
      const thenLate: Step = async (commit, memory) => {
        const written = await commit();
        await memory.put('doc', bytes(2), { ifMatch: written.etag });
        await expect(late()).rejects.toBeInstanceOf(PreconditionFailed);
        return written;
      };
      expect(await play([delayed, thenLate], condition, start)).toMatchObject({ outcome: OURS, stored: 2 });
    });

    it(`leaves the document of another writer while its own answer was lost (${name})`, async () => {
      const beaten: Step = async (_, memory) => {
        await memory.put('doc', bytes(7));
        throw lost();
      };
      expect(await play([beaten], condition, start)).toMatchObject({ outcome: undefined, stored: 7 });
      const beatenLater: Step = async (commit, memory) => {
        await memory.put('doc', bytes(7));
        return commit();
      };
      expect(await play([neverArrives, beatenLater], condition, start)).toMatchObject({
        outcome: undefined,
        stored: 7,
      });
    });

    it(`goes on through contention once it is in doubt, and stops at it before (${name})`, async () => {
      const busy = fails(new Conflict('being written'));
      expect(await play([neverArrives, busy, commits], condition, start)).toMatchObject({ outcome: OURS, stored: 1 });
      expect(await play([busy], condition, start)).toMatchObject({ outcome: undefined, stored: start });
    });

    it(`stays in doubt when a later copy fails otherwise (${name})`, async () => {
      for (const error of [new Unreachable('refused'), new Internal('denied')]) {
        const { outcome } = await play([neverArrives, fails(error)], condition, start);
        expect(outcome).toBeInstanceOf(Ambiguous);
        expect(outcome).toMatchObject({ cause: error });
        expect((await play([fails(error)], condition, start)).outcome).toBe(error);
      }
    });
  }

  it('gives up after a minute', async () => {
    const memory = createMemoryStore();
    const time = new FakeTime(SLEEP_PASSES);
    const timing = { clock: time.clock(), random: longest };
    let puts = 0;
    const store: ObjectStore = {
      ...memory,
      put: async () => {
        puts++;
        throw lost();
      },
    };
    await expect(writeVersioned(store, 'doc', { value: 1 }, CREATE, timing)).rejects.toBeInstanceOf(Ambiguous);
    expect(timing.clock.monotonic()).toBe(60_000);
    expect(Math.max(...time.sleeps)).toBeLessThanOrEqual(5000);
    expect(puts).toBe(time.sleeps.length + 1);
  });

  it('is ambiguous when the stored document cannot be read', async () => {
    const away = new Unreachable('refused');
    const store: ObjectStore = {
      ...createMemoryStore(),
      put: async () => {
        throw lost();
      },
      get: async () => {
        throw away;
      },
    };
    const writing = writeVersioned(store, 'doc', { value: 1 }, CREATE, { clock: new FakeTime(SLEEP_PASSES).clock() });
    await expect(writing).rejects.toBeInstanceOf(Ambiguous);
    await expect(writing).rejects.toMatchObject({ cause: away });
  });

  it('reports a deleted document as another version', async () => {
    const gone: Step = async (_, memory) => {
      await memory.delete('doc');
      throw lost();
    };
    expect(await play([gone], SINCE_OLD, 0)).toMatchObject({ outcome: undefined, stored: undefined });
  });
});
