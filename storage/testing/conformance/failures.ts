/** @file Blobs and documents over a store that loses answers: repeating a call completes the work exactly once. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Ambiguous } from '../../../errors.ts';
import { createBlobStore } from '../../blobs/cas.ts';
import { digestOf } from '../../digest.ts';
import { readVersioned, writeVersioned } from '../../names/versioned.ts';
import { withPatience } from '../../patience.ts';
import type { ObjectStore } from '../../types.ts';
import { FakeTime, SLEEP_PASSES } from '../fake-time.ts';
import { createDraw, type Fault, withFaults } from '../faults.ts';
import { bytes, makeBytes, type Setting, text } from './setting.ts';

const FAULTS: readonly Fault[] = ['refuse', 'lose request', 'lose answer'];
const namesSchema = z.strictObject({ names: z.array(z.string()) });

/** A store in which a share of the calls suffers a fault, drawn from the seed. */
function makeUnreliable(store: ObjectStore, seed: number, share = 0.4): ObjectStore {
  const draw = createDraw(seed);
  const choose = () => (draw() < share ? FAULTS[Math.floor(draw() * FAULTS.length)] : undefined);
  return withPatience(withFaults(store, choose), { clock: new FakeTime(SLEEP_PASSES).clock(), log: () => {} });
}

/** Adds a name to the stored list by compare-and-swap, unless the list has it. */
export async function addName(store: ObjectStore, key: string, name: string): Promise<void> {
  for (;;) {
    const current = await readVersioned(store, key, namesSchema);
    const names = current?.value.names ?? [];
    if (names.includes(name)) return;
    const condition = current ? { ifMatch: current.etag } : ({ ifNoneMatch: '*' } as const);
    await writeVersioned(store, key, { names: [...names, name] }, condition, {
      clock: new FakeTime(SLEEP_PASSES).clock(),
    });
  }
}

export async function readNames(store: ObjectStore, key: string): Promise<readonly string[] | undefined> {
  return (await readVersioned(store, key, namesSchema))?.value.names;
}

export function testFailures(at: Setting): void {
  describe('failures', () => {
    it('commits a write whose answer is lost wholly or not at all', async () => {
      for (const fault of ['lose request', 'lose answer'] as const) {
        const key = at.key(fault);
        const store = withFaults(at.store, () => fault);
        await expect(store.put(key, bytes('1'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(Ambiguous);
        expect(text((await at.other.get(key))?.body)).toBe(fault === 'lose answer' ? '1' : undefined);
      }
    });

    it('keeps one document of many writers whose answers are often lost', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 16 }, async (_, i) => {
          const store = makeUnreliable(i % 2 ? at.store : at.other, i);
          const etag = await writeVersioned(
            store,
            at.key('doc'),
            { writer: i },
            { ifNoneMatch: '*' },
            { clock: new FakeTime(SLEEP_PASSES).clock() },
          );
          return { i, etag };
        }),
      );
      const winners = outcomes.filter(({ etag }) => etag !== undefined);
      expect(winners).toHaveLength(1);
      const stored = await at.store.get(at.key('doc'));
      expect(stored?.etag).toBe(winners[0]?.etag);
      expect(JSON.parse(text(stored?.body) ?? '')).toEqual({ writer: winners[0]?.i });
    });

    it('loses no change and applies none twice', async () => {
      const names = Array.from({ length: 10 }, (_, i) => `writer ${i}`);
      const writers = names.map((name, i) =>
        addName(makeUnreliable(i % 2 ? at.store : at.other, i), at.key('list'), name),
      );
      await Promise.all(writers);
      const stored = await readNames(at.store, at.key('list'));
      expect([...(stored ?? [])].sort()).toEqual(names);
    });

    it('puts, deletes and copies through a store that answers only every second request', async () => {
      const store = makeUnreliable(at.store, 3, 0.5);
      const blobs = createBlobStore(store);
      const bodies = [0, 100, 2 ** 20].map(makeBytes);
      const refs = await Promise.all(bodies.map(body => blobs.put(body)));
      for (const { digest } of refs) expect(digestOf(await createBlobStore(at.other).get(digest))).toBe(digest);
      await store.put(at.key('from'), bytes('1'));
      await store.copy(at.key('from'), at.key('to'));
      await store.delete(at.key('from'));
      expect(await at.other.head(at.key('from'))).toBeUndefined();
      expect(text((await at.other.get(at.key('to')))?.body)).toBe('1');
    });
  });
}
