/** @file Finds damaged bytes: at rest, and between hash and put. */
import { describe, expect, it } from 'vitest';
import { Corrupt } from '../../../errors.ts';
import { packColumn } from '../../../formats/webdataset.ts';
import { createBlobStore } from '../../blobs/cas.ts';
import { openColumn } from '../../blobs/read-column.ts';
import { digestOf } from '../../digest.ts';
import { blobKey } from '../../keys.ts';
import { makeBytes, type Setting } from './setting.ts';

export function testIntegrity(at: Setting): void {
  describe('integrity', () => {
    it('finds a flipped bit in a stored blob, and a put repairs it', async context => {
      const { corrupt } = at.place;
      if (!corrupt) return context.skip();
      for (const size of [1, 1000, 3 * 2 ** 20]) {
        const body = makeBytes(size);
        const blobs = createBlobStore(at.store);
        const { digest } = await blobs.put(body);
        await corrupt(blobKey(digest));
        await expect(createBlobStore(at.other).get(digest)).rejects.toBeInstanceOf(Corrupt);
        await at.store.put(blobKey(digest), body);
        expect(digestOf(await createBlobStore(at.other).get(digest))).toBe(digest);
      }
    });

    it('finds a flipped bit in a member of a column, and reads the other members', async context => {
      const { corrupt } = at.place;
      if (!corrupt) return context.skip();
      const members = new Map(['a', 'b', 'c'].map((name, i) => [name, makeBytes(2 ** (18 + i))]));
      const column = packColumn(members);
      const { digest } = await createBlobStore(at.store).put(column);
      const reader = await openColumn(createBlobStore(at.other), digest);
      const whole = async (name: string) => digestOf((await reader.read(name)) ?? '');
      const expected = [...members.values()].map(digestOf);
      expect(await Promise.all([...members.keys()].map(whole))).toEqual(expected);
      await corrupt(blobKey(digest), (reader.spans.get('b')?.offset ?? 0) + 70_000);
      await expect(reader.read('b')).rejects.toMatchObject({ code: 'corrupt', details: { digest, member: 'b' } });
      expect([await whole('a'), await whole('c')]).toEqual([expected[0], expected[2]]);
      await at.store.put(blobKey(digest), column);
      expect(await whole('b')).toBe(expected[1]);
    });

    it('stores blobs of all sizes near the limits of hashing and sending', async () => {
      const blobs = createBlobStore(at.store);
      for (const size of [0, 1, 2 ** 14, 2 ** 16 - 1, 2 ** 16 + 1, 2 ** 20, 9 * 2 ** 20 + 5]) {
        const body = makeBytes(size);
        const ref = await blobs.put(body, 'image/x-test');
        expect(ref).toEqual({ digest: digestOf(body), size, media_type: 'image/x-test' });
        expect(await createBlobStore(at.other).head(ref.digest)).toEqual(ref);
        expect(digestOf(await createBlobStore(at.other).get(ref.digest))).toBe(ref.digest);
        await at.store.delete(blobKey(ref.digest));
      }
    });
  });
}
