/** @file Conditional writes: exactly one of several racing writers wins. */
import { describe, expect, it } from 'vitest';
import { PreconditionFailed } from '../../../errors.ts';
import type { Etag, ObjectStore } from '../../types.ts';
import { bytes, race, type Setting, text } from './setting.ts';

export function testConditions(at: Setting): void {
  describe('conditions', () => {
    it('creates only an absent key', async () => {
      await at.store.put(at.key('a'), bytes('1'), { ifNoneMatch: '*' });
      await expect(at.other.put(at.key('a'), bytes('2'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(
        PreconditionFailed,
      );
      expect(text((await at.store.get(at.key('a')))?.body)).toBe('1');
      await at.store.delete(at.key('a'));
      await at.other.put(at.key('a'), bytes('3'), { ifNoneMatch: '*' });
      expect(text((await at.store.get(at.key('a')))?.body)).toBe('3');
    });

    it('replaces only the given version', async () => {
      const first = await at.store.put(at.key('a'), bytes('1'));
      const second = await at.other.put(at.key('a'), bytes('2'), { ifMatch: first.etag });
      await expect(at.store.put(at.key('a'), bytes('3'), { ifMatch: first.etag })).rejects.toBeInstanceOf(
        PreconditionFailed,
      );
      expect(text((await at.store.get(at.key('a')))?.body)).toBe('2');
      await at.store.put(at.key('a'), bytes('4'), { ifMatch: second.etag });
      expect(text((await at.other.get(at.key('a')))?.body)).toBe('4');
    });

    it('rejects any version for an absent or deleted key', async () => {
      const { etag } = await at.store.put(at.key('a'), bytes('1'));
      await expect(at.store.put(at.key('b'), bytes('1'), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailed);
      await at.store.delete(at.key('a'));
      await expect(at.store.put(at.key('a'), bytes('1'), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailed);
      expect(await at.store.head(at.key('a'))).toBeUndefined();
      expect(await at.store.head(at.key('b'))).toBeUndefined();
    });

    it('lets one of 200 concurrent creations win, and keeps its bytes', async () => {
      const winners = await race(
        Array.from({ length: 200 }, (_, i) => async () => {
          await (i % 2 ? at.store : at.other).put(at.key('race'), bytes(`creator ${i}`), { ifNoneMatch: '*' });
          return i;
        }),
      );
      expect(winners).toHaveLength(1);
      expect(text((await at.store.get(at.key('race')))?.body)).toBe(`creator ${winners[0]}`);
    });

    it('lets one of 64 concurrent replacements of a version win', async () => {
      let { etag } = await at.store.put(at.key('race'), bytes('start'));
      for (let round = 0; round < 3; round++) {
        const winners = await race(
          Array.from({ length: 64 }, (_, i) => async () => {
            const body = `round ${round} writer ${i}`;
            return {
              body,
              ...(await (i % 2 ? at.store : at.other).put(at.key('race'), bytes(body), { ifMatch: etag })),
            };
          }),
        );
        expect(winners).toHaveLength(1);
        const got = await at.other.get(at.key('race'));
        expect(text(got?.body)).toBe(winners[0]?.body);
        expect(got?.etag).toBe(winners[0]?.etag);
        etag = got?.etag ?? ('' as Etag);
      }
    });

    it('loses no increment of a counter', async () => {
      await at.store.put(at.key('counter'), bytes('0'));
      const increment = async (via: ObjectStore) => {
        for (;;) {
          const got = await via.get(at.key('counter'));
          const value = Number(text(got?.body));
          const ifMatch = got?.etag ?? ('' as Etag);
          const [won] = await race([() => via.put(at.key('counter'), bytes(String(value + 1)), { ifMatch })]);
          if (won) return;
        }
      };
      await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 ? at.store : at.other)));
      expect(text((await at.store.get(at.key('counter')))?.body)).toBe('20');
    });

    it('never shows a mixture or an absent object to readers during an overwrite', async () => {
      const versions = ['a', 'b', 'c'].map(letter => bytes(letter.repeat(100_000)));
      await at.store.put(at.key('a'), bytes('a'.repeat(100_000)));
      let writing = true;
      const write = async () => {
        for (let i = 0; i < 30; i++) await at.store.put(at.key('a'), versions[i % 3] ?? bytes(''));
        writing = false;
      };
      const read = async () => {
        while (writing) {
          const body = (await at.other.get(at.key('a')))?.body;
          expect(body?.length).toBe(100_000);
          expect(body?.every(byte => byte === body[0])).toBe(true);
        }
      };
      await Promise.all([write(), read(), read()]);
    });
  });
}
