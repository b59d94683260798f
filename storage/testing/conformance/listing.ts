/** @file Listings: order, pages and roll-up. */
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../errors.ts';
import { collectPage } from '../../drivers/listing.ts';
import type { ListOptions } from '../../types.ts';
import { byBytes, bytes, type Setting } from './setting.ts';

export function testListing(at: Setting): void {
  describe('listing', () => {
    const KEYS = ['a', 'a-b', 'a.b', 'a/b', 'a/b-c/d', 'a/c', 'a0', 'b/x/1', 'b/x/2', 'b/y', 'c', 'z\u{FF5E}', 'z😀'];
    const put = () =>
      Promise.all(KEYS.filter(name => name !== 'a').map(name => at.store.put(at.key(name), bytes(name))));
    const names = async (rest: string, options?: ListOptions) => {
      const { objects, prefixes, next } = await at.other.list(at.key(rest), options);
      const strip = (full: string) => full.slice(at.prefix.length);
      return { keys: objects.map(object => strip(object.key)), prefixes: prefixes.map(strip), next };
    };

    it('lists by prefix, in the order of UTF-8 bytes', async () => {
      await put();
      const sorted = KEYS.slice(1).sort(byBytes);
      expect(await names('')).toEqual({ keys: sorted, prefixes: [], next: undefined });
      expect((await names('a')).keys).toEqual(sorted.filter(name => name.startsWith('a')));
      expect((await names('a/')).keys).toEqual(['a/b', 'a/b-c/d', 'a/c']);
      expect((await names('a/b')).keys).toEqual(['a/b', 'a/b-c/d']);
      expect((await names('a/b/')).keys).toEqual([]);
      expect((await names('nothing')).keys).toEqual([]);
    });

    it('tells size, version and media type of each object', async () => {
      const { etag } = await at.store.put(at.key('x.png'), bytes('12345'));
      const { objects } = await at.other.list(at.prefix);
      expect(objects).toHaveLength(1);
      expect(objects[0]).toMatchObject({ key: at.key('x.png'), size: 5, etag });
    });

    it('starts after a key, whether it exists or not', async () => {
      await put();
      const sorted = KEYS.slice(1).sort(byBytes);
      for (const after of [...sorted, 'a/b-', 'a/b-c', 'a/b-c/', 'a/z', 'b', 'b/', 'b/x', '0', 'zz', 'z\u{FFFD}']) {
        expect((await names('', { after: at.key(after) })).keys).toEqual(
          sorted.filter(name => byBytes(name, after) > 0),
        );
      }
    });

    it('pages through everything once, with any limit', async () => {
      await put();
      for (const delimiter of [undefined, '/', '-', 'b/']) {
        const roll = delimiter === undefined ? {} : { delimiter };
        const whole = await names('', roll);
        for (const limit of [1, 2, 3, 5, 100]) {
          const keys: string[] = [];
          const prefixes: string[] = [];
          let after: string | undefined;
          do {
            const page = await names('', { limit, ...roll, ...(after !== undefined && { after }) });
            expect(page.keys.length + page.prefixes.length).toBeLessThanOrEqual(limit);
            keys.push(...page.keys);
            prefixes.push(...page.prefixes);
            after = page.next;
          } while (after !== undefined);
          expect({ keys, prefixes }).toEqual({ keys: whole.keys, prefixes: whole.prefixes });
        }
      }
    });

    it('rolls up keys that contain the delimiter', async () => {
      await put();
      expect(await names('', { delimiter: '/' })).toEqual({
        keys: ['a-b', 'a.b', 'a0', 'c', 'z\u{FF5E}', 'z😀'],
        prefixes: ['a/', 'b/'],
        next: undefined,
      });
      expect(await names('b/', { delimiter: '/' })).toMatchObject({ keys: ['b/y'], prefixes: ['b/x/'] });
      expect(await names('b/x', { delimiter: '/' })).toMatchObject({ keys: [], prefixes: ['b/x/'] });
      expect(await names('a', { delimiter: '-' })).toMatchObject({ prefixes: ['a-', 'a/b-'] });
    });

    it('follows the rules for every start and every delimiter', async () => {
      await put();
      const sorted = KEYS.slice(1).sort(byBytes);
      const starts = ['', ...sorted, 'a/', 'a/z', 'a/b-', 'a/b-\u{10FFFF}', 'a/\u{10FFFF}', 'b/x/', 'b/x/15', 'zz'];
      for (const rest of ['', 'a', 'a/', 'b/x']) {
        for (const delimiter of ['/', '-', 'b/']) {
          for (const after of starts) {
            const options = { after: at.key(after), delimiter, limit: 2 };
            const keys = sorted.filter(name => name.startsWith(rest)).map(at.key);
            // The oracle: the same rules over an array.
            const { next: _, ...page } = await collectPage(at.key(rest), options, () => keys);
            const { objects, prefixes } = await at.other.list(at.key(rest), options);
            expect({ keys: objects.map(({ key }) => key), prefixes }, JSON.stringify({ rest, ...options })).toEqual(
              page,
            );
          }
        }
      }
    });

    it('pages through 1,500 objects, and lists more at once than a page of S3', { timeout: 180_000 }, async () => {
      const all = Array.from({ length: 1500 }, (_, i) => `n/${String(i).padStart(4, '0')}`);
      await fill(all);
      const first = await names('n/');
      expect(first.keys).toEqual(all.slice(0, 1000));
      const second = await names('n/', { after: first.next ?? '', limit: 234 });
      expect(second.keys).toEqual(all.slice(1000, 1234));
      expect((await names('n/', { after: second.next ?? '', limit: 1500 })).keys).toEqual(all.slice(1234));
      expect((await names('n/', { limit: 1234 })).keys).toEqual(all.slice(0, 1234));
      expect(await names('', { delimiter: '/' })).toEqual({ keys: [], prefixes: ['n/'], next: undefined });
    });

    async function fill(all: readonly string[]): Promise<void> {
      if (at.place.fill) return at.place.fill(all.map(at.key));
      for (let i = 0; i < all.length; i += 100) {
        await Promise.all(all.slice(i, i + 100).map(name => at.store.put(at.key(name), bytes('x'))));
      }
    }

    it('refuses invalid limits', async () => {
      for (const limit of [0, -1, 1.5]) {
        await expect(at.store.list(at.prefix, { limit })).rejects.toBeInstanceOf(InvalidInput);
      }
    });

    it('lists written objects while other processes write and delete', async () => {
      await at.store.put(at.key('m/stays'), bytes('1'));
      const churn = async (name: string) => {
        for (let i = 0; i < 20; i++) {
          await at.store.put(at.key(`m/${name}/x`), bytes('1'));
          await at.store.delete(at.key(`m/${name}/x`));
        }
      };
      const look = async () => {
        for (let i = 0; i < 20; i++) expect((await names('m/')).keys).toContain('m/stays');
      };
      await Promise.all([churn('a'), churn('z'), churn('z'), look()]);
      expect((await names('')).keys).toEqual(['m/stays']);
    });

    it('lists only objects, and none outside the store', async () => {
      await at.store.put(at.key('a'), bytes('1'), { mediaType: 'x/y' });
      const { objects } = await at.store.list('');
      expect(objects.map(object => object.key)).toEqual([at.key('a')]);
      for (const outside of ['../', '/', './', '.easel/', 'a/../']) {
        expect((await at.store.list(outside)).objects).toEqual([]);
      }
    });
  });
}
