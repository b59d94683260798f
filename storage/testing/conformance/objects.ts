/** @file Objects: a get returns the bytes of the last put, under all kinds of keys. */
import { describe, expect, it } from 'vitest';
import { InvalidInput } from '../../../errors.ts';
import { byBytes, bytes, makeBytes, type Setting, text } from './setting.ts';

export function testObjects(at: Setting): void {
  describe('objects', () => {
    it('returns the stored bytes with size, version, time and media type', async () => {
      const before = Date.now();
      const { etag } = await at.store.put(at.key('a/b.bin'), bytes('hello'), { mediaType: 'image/x-test' });
      const got = await at.store.get(at.key('a/b.bin'));
      expect(text(got?.body)).toBe('hello');
      expect(got).toMatchObject({ key: at.key('a/b.bin'), etag, size: 5, mediaType: 'image/x-test' });
      // Stores may keep whole seconds.
      expect(Math.abs((got?.lastModified.getTime() ?? 0) - before)).toBeLessThan(10_000);
      const { body: _, ...info } = got ?? { body: undefined };
      expect(await at.other.head(at.key('a/b.bin'))).toEqual(info);
    });

    it('returns undefined for an absent key', async () => {
      expect(await at.store.get(at.key('none'))).toBeUndefined();
      expect(await at.store.head(at.key('none'))).toBeUndefined();
      await at.store.put(at.key('folder/x'), bytes('1'));
      expect(await at.store.get(at.key('folder'))).toBeUndefined();
      expect(await at.store.head(at.key('folder'))).toBeUndefined();
      expect(await at.store.get(at.key('folder/x/y'))).toBeUndefined();
    });

    it('overwrites with a new version; equal bytes have equal versions', async () => {
      const first = await at.store.put(at.key('a'), bytes('1'), { mediaType: 'text/plain' });
      const second = await at.other.put(at.key('a'), bytes('22'), { mediaType: 'image/png' });
      expect(second.etag).not.toBe(first.etag);
      expect(await at.store.head(at.key('a'))).toMatchObject({ etag: second.etag, size: 2, mediaType: 'image/png' });
      expect(text((await at.store.get(at.key('a')))?.body)).toBe('22');
      expect((await at.store.put(at.key('a'), bytes('1'))).etag).toBe(first.etag);
    });

    it('shows every write that has returned to every reader', async () => {
      const writer = async (name: string) => {
        for (let i = 0; i < 15; i++) {
          const { etag } = await at.store.put(at.key(name), bytes(`${name} ${i}`));
          const [got, info, { objects }] = await Promise.all([
            at.other.get(at.key(name)),
            at.other.head(at.key(name)),
            at.other.list(at.key(name)),
          ]);
          expect(text(got?.body)).toBe(`${name} ${i}`);
          expect([got?.etag, info?.etag, ...objects.map(object => object.etag)]).toEqual([etag, etag, etag]);
          if (i % 5 < 4) continue;
          await at.store.delete(at.key(name));
          expect(await at.other.get(at.key(name))).toBeUndefined();
          expect((await at.other.list(at.key(name))).objects).toEqual([]);
        }
      };
      await Promise.all(['u', 'v', 'w', 'x'].map(writer));
    });

    it('deletes an object, and ignores an absent key', async () => {
      await at.store.put(at.key('a/b/c'), bytes('1'), { mediaType: 'x/y' });
      await at.other.delete(at.key('a/b/c'));
      expect(await at.store.get(at.key('a/b/c'))).toBeUndefined();
      await at.store.delete(at.key('a/b/c'));
      await at.store.delete(at.key('never/there'));
      await at.store.put(at.key('a/b/c'), bytes('2'));
      expect((await at.store.head(at.key('a/b/c')))?.mediaType).toBe('application/octet-stream');
      expect(text((await at.store.get(at.key('a/b/c')))?.body)).toBe('2');
    });

    it('deletes only the object, not objects below its key', async () => {
      await at.store.put(at.key('a/b'), bytes('1'));
      await at.store.delete(at.key('a'));
      expect(text((await at.store.get(at.key('a/b')))?.body)).toBe('1');
    });

    it('keeps an empty body', async () => {
      await at.store.put(at.key('empty'), new Uint8Array());
      expect((await at.store.get(at.key('empty')))?.body).toEqual(new Uint8Array());
      expect((await at.store.head(at.key('empty')))?.size).toBe(0);
    });

    it('stores a large body, and a body that is a view', async () => {
      const large = makeBytes(20 * 1024 * 1024 + 3);
      await at.store.put(at.key('large'), large);
      const got = await at.other.get(at.key('large'));
      expect(got?.body.length).toBe(large.length);
      expect(Buffer.compare(got?.body ?? bytes(''), large)).toBe(0);
      await at.store.put(at.key('view'), large.subarray(5, 105));
      expect((await at.store.get(at.key('view')))?.body).toEqual(large.slice(5, 105));
    });

    it('copies the array that was put and the array that it returns', async () => {
      const body = bytes('hello');
      await at.store.put(at.key('a'), body);
      body.fill(0);
      const got = await at.store.get(at.key('a'));
      expect(text(got?.body)).toBe('hello');
      got?.body.fill(0);
      expect(text((await at.store.get(at.key('a')))?.body)).toBe('hello');
      expect(got?.body.constructor).toBe(Uint8Array);
      expect((got?.body.byteOffset ?? 1) % 8).toBe(0);
    });

    it('derives the media type from the suffix of the key', async () => {
      for (const [suffix, type] of [
        ['x.json', 'application/json'],
        ['x.png', 'image/png'],
        ['x', 'application/octet-stream'],
      ] as const) {
        await at.store.put(at.key(suffix), bytes('1'));
        expect((await at.other.head(at.key(suffix)))?.mediaType).toBe(type);
      }
    });

    it('keeps odd keys apart', async () => {
      const odd = [
        'a b',
        'a+b',
        'a%20b',
        'ä/ö',
        'a\u0308',
        'emoji-😀',
        '日本',
        "quote'",
        '"',
        'a&b<c>',
        '...',
        '.hidden',
        'a~',
        '#?',
        'back\\slash',
        'c:d',
        'x'.repeat(255),
        `${'d/'.repeat(100)}e`,
        '__proto__',
        'constructor',
        '-rf',
        ' lead',
        'tail ',
      ]; // prettier-ignore
      await Promise.all(odd.map(name => at.store.put(at.key(name), bytes(name))));
      for (const name of odd) expect(text((await at.other.get(at.key(name)))?.body)).toBe(name);
      const listed = await at.store.list(at.prefix);
      expect(listed.objects.map(object => object.key)).toEqual(odd.map(at.key).sort(byBytes));
      await Promise.all(odd.map(name => at.store.delete(at.key(name))));
      expect((await at.store.list(at.prefix)).objects).toEqual([]);
    });

    it('refuses keys that are not relative paths', async () => {
      const bad = [
        '',
        '/a',
        'a/',
        'a//b',
        '.',
        '..',
        '../a',
        'a/../b',
        'a/./b',
        'a\0b',
        'a\nb',
        '.easel/x',
        'x'.repeat(256),
        `${'y/'.repeat(600)}z`,
        '\ud800',
        'a\u{10FFFF}',
      ]; // prettier-ignore
      for (const name of bad) {
        await expect(at.store.put(name, bytes('1')), name).rejects.toBeInstanceOf(InvalidInput);
        await expect(at.store.get(name), name).rejects.toBeInstanceOf(InvalidInput);
        await expect(at.store.head(name), name).rejects.toBeInstanceOf(InvalidInput);
        await expect(at.store.delete(name), name).rejects.toBeInstanceOf(InvalidInput);
      }
    });
  });
}
