/** @file Copies within the store, and bodies that come from files. */
import { describe, expect, it } from 'vitest';
import { NotFound, PreconditionFailed } from '../../../errors.ts';
import { digestOf } from '../../digest.ts';
import { bytes, cut, makeBytes, type Setting, text } from './setting.ts';

export function testCopies(at: Setting): void {
  describe('copies and files', () => {
    it('copies bytes and type over an existing object, and both objects change independently', async () => {
      const { etag } = await at.store.put(at.key('from'), bytes('picture'), { mediaType: 'image/x-test' });
      await at.store.put(at.key('to/here'), bytes('old'));
      for (const target of ['to/here', 'to/there', 'from']) {
        await at.store.copy(at.key('from'), at.key(target));
        const got = await at.other.get(at.key(target));
        expect(text(got?.body)).toBe('picture');
        expect(got).toMatchObject({ key: at.key(target), size: 7, mediaType: 'image/x-test' });
      }
      expect((await at.other.head(at.key('to/here')))?.etag).toBe(etag);
      await at.store.put(at.key('to/here'), bytes('changed'));
      expect(text((await at.store.get(at.key('from')))?.body)).toBe('picture');
      await at.store.delete(at.key('from'));
      expect(text((await at.other.get(at.key('to/there')))?.body)).toBe('picture');
    });

    it('refuses to copy an absent object, and does not change the target', async () => {
      await at.store.put(at.key('to'), bytes('1'));
      await expect(at.store.copy(at.key('none'), at.key('to'))).rejects.toBeInstanceOf(NotFound);
      await expect(at.store.copy(at.key('none/none'), at.key('new'))).rejects.toBeInstanceOf(NotFound);
      expect(text((await at.store.get(at.key('to')))?.body)).toBe('1');
      expect(await at.store.head(at.key('new'))).toBeUndefined();
    });

    it('spools a stream and puts it several times, on any condition', async () => {
      const large = makeBytes(3 * 1024 * 1024 + 1);
      const spooled = await at.store.spool(cut(large, 100_000));
      expect(spooled).toMatchObject({ size: large.length, digest: digestOf(large) });
      const { etag } = await at.store.put(at.key('a'), spooled, { mediaType: 'x/y', ifNoneMatch: '*' });
      await expect(at.store.put(at.key('a'), spooled, { ifNoneMatch: '*' })).rejects.toBeInstanceOf(PreconditionFailed);
      await at.store.put(at.key('b'), bytes('old'));
      expect((await at.store.put(at.key('b'), spooled)).etag).toBe(etag);
      // Another instance accepts the file, too: it copies it.
      expect((await at.other.put(at.key('a'), spooled, { ifMatch: etag })).etag).toBe(etag);
      await spooled.discard();
      await spooled.discard();
      for (const name of ['a', 'b']) {
        const got = await at.other.get(at.key(name));
        expect(got?.etag).toBe(etag);
        expect(Buffer.compare(got?.body ?? bytes(''), large)).toBe(0);
      }
      await at.store.put(at.key('a'), bytes('over it'));
      expect(text((await at.store.get(at.key('a')))?.body)).toBe('over it');
    });

    it('spools an empty stream', async () => {
      const spooled = await at.store.spool(cut(bytes(''), 1));
      await at.store.put(at.key('empty'), spooled, { ifNoneMatch: '*' });
      await spooled.discard();
      expect((await at.other.get(at.key('empty')))?.body).toEqual(bytes(''));
    });

    it('keeps no bytes of a stream that breaks', async () => {
      const broken = async function* () {
        yield bytes('half');
        throw new Error('the client went away');
      };
      await expect(at.store.spool(broken())).rejects.toThrow('the client went away');
      expect((await at.store.list(at.prefix)).objects).toEqual([]);
    });
  });
}
