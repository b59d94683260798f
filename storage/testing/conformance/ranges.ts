/** @file Ranges of objects. */
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../errors.ts';
import { bytes, type Setting, text } from './setting.ts';

export function testRanges(at: Setting): void {
  describe('ranges', () => {
    it('reads ranges as HTTP defines them, and reports the whole size', async () => {
      const { etag } = await at.store.put(at.key('a'), bytes('0123456789'));
      const read = async (start: number, end?: number) => {
        const got = await at.other.get(at.key('a'), end === undefined ? { start } : { start, end });
        expect(got).toMatchObject({ size: 10, etag });
        return text(got?.body);
      };
      expect(await read(0, 0)).toBe('0');
      expect(await read(2, 4)).toBe('234');
      expect(await read(7)).toBe('789');
      expect(await read(9, 9)).toBe('9');
      expect(await read(5, 1000)).toBe('56789');
      expect(await at.store.get(at.key('none'), { start: 0 })).toBeUndefined();
    });

    it('refuses ranges that start past the end or are malformed', async () => {
      await at.store.put(at.key('a'), bytes('0123456789'));
      for (const range of [{ start: 10 }, { start: 99 }, { start: -1 }, { start: 3, end: 2 }, { start: 0.5 }]) {
        await expect(at.store.get(at.key('a'), range)).rejects.toBeInstanceOf(InvalidInput);
      }
      await at.store.put(at.key('empty'), new Uint8Array());
      await expect(at.store.get(at.key('empty'), { start: 0 })).rejects.toBeInstanceOf(InvalidInput);
    });
  });
}
