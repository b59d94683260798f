import { describe, expect, test } from 'vitest';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { LEASE_TTL_MS } from '../../storage/names/lease.ts';
import { withPatience } from '../../storage/patience.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import { type Fault, withFaults } from '../../storage/testing/faults.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { takesAll } from '../../test/whole-suite.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { findExperimentFaults } from '../testing/history.ts';
import { createTrainingLab } from '../testing/training.ts';

/** Operations between two at which the store goes away. */
const EVERY = takesAll('two of three moments at which a store goes away') ? 15 : 45;

/**
 * Trains with a store that goes away for some time at its n-th operation, which suffers the fault; later ones are
 * refused.
 */
async function trainThrough(begins: number, fault: Fault, awayMs: number) {
  const store = createMemoryStore();
  const time = new FakeTime();
  await createTrainingLab(store).create('toy');
  const clock = time.clock();
  let operations = 0;
  let backAt = Number.NaN;
  const shaky = withFaults(
    counted(store, () => operations++),
    () => {
      if (operations === begins && Number.isNaN(backAt)) {
        backAt = clock.now() + awayMs;
        return fault;
      }
      return clock.now() < backAt ? 'refuse' : undefined;
    },
  );
  const patient = withPatience(shaky, { clock, random: () => 0.9, log: () => {} });
  const lab = createTrainingLab(patient, { lease: { clock }, clock: { ...SYSTEM_CLOCK, now: clock.now } });
  const call = lab.executor.callEffect('train', { experiment: 'toy' });
  const answer = await time.advanceUntil(call.catch((error: unknown) => error));
  await lab.executor.close();
  return { store, answer, operations, computed: lab.runner.computed };
}

function counted(store: ObjectStore, count: () => void): ObjectStore {
  return interceptStore(store, async (_, run) => {
    count();
    return run();
  });
}

describe('a store that is away for longer than a lease lasts', () => {
  test.each<Fault>(['refuse', 'lose request', 'lose answer'])(
    'anywhere in a training (%s) costs nothing but the time',
    async fault => {
      const calm = await trainThrough(Number.POSITIVE_INFINITY, fault, 0);
      const expected = (await readHead(calm.store, 'toy')).value.checkpoint;
      for (let begins = 1; begins <= calm.operations; begins += EVERY) {
        const { store, answer, computed } = await trainThrough(begins, fault, LEASE_TTL_MS + 5000);
        expect(answer, `away at ${begins}`).toMatchObject({ state: 'done', checkpoint: expected });
        expect(computed, `away at ${begins}`).toEqual(calm.computed);
        expect(await findExperimentFaults(store, 'toy'), `away at ${begins}`).toEqual([]);
      }
    },
  );

  test('and for longer than any wait ends the call with 503, and the same call goes on', async () => {
    const calm = await trainThrough(Number.POSITIVE_INFINITY, 'refuse', 0);
    const { store, answer } = await trainThrough(Math.floor(calm.operations / 2), 'refuse', 3_600_000);
    expect(answer).toMatchObject({ code: 'store_unreachable', status: 503, retryable: true });
    // Another server goes on, since the first one still has its lease.
    await store.delete('leases/experiments/toy.json');
    const { checkpoint } = (await readHead(calm.store, 'toy')).value;
    const again = createTrainingLab(store).executor.callEffect('train', { experiment: 'toy' });
    expect(await again).toMatchObject({ state: 'done', checkpoint });
    expect(await findExperimentFaults(store, 'toy')).toEqual([]);
  });
});
