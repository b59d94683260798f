/** @file What every driver must pass, called by each driver's test file. Keys lie below a prefix of their own per test, so one bucket will do. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Conflict, InvalidInput, NotFound, PreconditionFailed } from '../../errors.ts';
import { digestOf } from '../digest.ts';
import type { Etag, ListOptions, ObjectStore } from '../types.ts';

export interface StoreUnderTest {
  /** Another instance over the same objects, as another process would open it. */
  open(): Promise<ObjectStore>;
  /** Removes what the test has made. */
  destroy(): Promise<void>;
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const text = (body: Uint8Array | undefined) => body && Buffer.from(body).toString();

/** Pseudo-random bytes (a linear congruential generator, Numerical Recipes' constants). */
function makeBytes(size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

async function* cut(body: Uint8Array, size: number): AsyncIterable<Uint8Array> {
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

/** Registers the suite; `create` makes an empty place for one test. */
export function testObjectStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`object store: ${name}`, () => {
    let place: StoreUnderTest;
    let store: ObjectStore;
    let other: ObjectStore;
    let prefix: string;
    const key = (rest: string) => `${prefix}${rest}`;

    beforeEach(async () => {
      place = await create();
      store = await place.open();
      other = await place.open();
      prefix = `conformance-${randomUUID()}/`;
    });
    afterEach(async () => {
      await Promise.all([store.close(), other.close()]);
      await place.destroy();
    });

    /** Runs all at once; the results of those that succeed, and checks that the others were cleanly rejected. */
    async function race<T>(attempts: readonly (() => Promise<T>)[]): Promise<T[]> {
      const outcomes = await Promise.allSettled(attempts.map(attempt => attempt()));
      return outcomes.flatMap(outcome => {
        if (outcome.status === 'fulfilled') return [outcome.value];
        expect(outcome.reason instanceof PreconditionFailed || outcome.reason instanceof Conflict).toBe(true);
        return [];
      });
    }

    describe('objects', () => {
      it('gives back what was put, with its size, version, time and type', async () => {
        const before = Date.now();
        const { etag } = await store.put(key('a/b.bin'), bytes('hello'), { mediaType: 'image/x-test' });
        const got = await store.get(key('a/b.bin'));
        expect(text(got?.body)).toBe('hello');
        expect(got).toMatchObject({ key: key('a/b.bin'), etag, size: 5, mediaType: 'image/x-test' });
        // Stores may keep whole seconds.
        expect(Math.abs((got?.lastModified.getTime() ?? 0) - before)).toBeLessThan(10_000);
        const { body: _, ...info } = got ?? { body: undefined };
        expect(await other.head(key('a/b.bin'))).toEqual(info);
      });

      it('says undefined of what is absent', async () => {
        expect(await store.get(key('none'))).toBeUndefined();
        expect(await store.head(key('none'))).toBeUndefined();
        await store.put(key('folder/x'), bytes('1'));
        expect(await store.get(key('folder'))).toBeUndefined();
        expect(await store.head(key('folder'))).toBeUndefined();
        expect(await store.get(key('folder/x/y'))).toBeUndefined();
      });

      it('overwrites, and then has another version; equal bytes have equal ones', async () => {
        const first = await store.put(key('a'), bytes('1'), { mediaType: 'text/plain' });
        const second = await other.put(key('a'), bytes('22'), { mediaType: 'image/png' });
        expect(second.etag).not.toBe(first.etag);
        expect(await store.head(key('a'))).toMatchObject({ etag: second.etag, size: 2, mediaType: 'image/png' });
        expect(text((await store.get(key('a')))?.body)).toBe('22');
        expect((await store.put(key('a'), bytes('1'))).etag).toBe(first.etag);
      });

      it('deletes, and an absent key is no error', async () => {
        await store.put(key('a/b/c'), bytes('1'), { mediaType: 'x/y' });
        await other.delete(key('a/b/c'));
        expect(await store.get(key('a/b/c'))).toBeUndefined();
        await store.delete(key('a/b/c'));
        await store.delete(key('never/there'));
        await store.put(key('a/b/c'), bytes('2'));
        expect((await store.head(key('a/b/c')))?.mediaType).toBe('application/octet-stream');
        expect(text((await store.get(key('a/b/c')))?.body)).toBe('2');
      });

      it('deletes only the object, not what lies below its key', async () => {
        await store.put(key('a/b'), bytes('1'));
        await store.delete(key('a'));
        expect(text((await store.get(key('a/b')))?.body)).toBe('1');
      });

      it('keeps an empty body', async () => {
        await store.put(key('empty'), new Uint8Array());
        expect((await store.get(key('empty')))?.body).toEqual(new Uint8Array());
        expect((await store.head(key('empty')))?.size).toBe(0);
      });

      it('keeps a large body, and one that is a view', async () => {
        const large = makeBytes(20 * 1024 * 1024 + 3);
        await store.put(key('large'), large);
        const got = await other.get(key('large'));
        expect(got?.body.length).toBe(large.length);
        expect(Buffer.compare(got?.body ?? bytes(''), large)).toBe(0);
        await store.put(key('view'), large.subarray(5, 105));
        expect((await store.get(key('view')))?.body).toEqual(large.slice(5, 105));
      });

      it('neither keeps the array that was put nor hands out its own', async () => {
        const body = bytes('hello');
        await store.put(key('a'), body);
        body.fill(0);
        const got = await store.get(key('a'));
        expect(text(got?.body)).toBe('hello');
        got?.body.fill(0);
        expect(text((await store.get(key('a')))?.body)).toBe('hello');
        expect(got?.body.constructor).toBe(Uint8Array);
        expect((got?.body.byteOffset ?? 1) % 8).toBe(0);
      });

      it('derives the type from the suffix when none is given', async () => {
        for (const [suffix, type] of [
          ['x.json', 'application/json'],
          ['x.png', 'image/png'],
          ['x', 'application/octet-stream'],
        ] as const) {
          await store.put(key(suffix), bytes('1'));
          expect((await other.head(key(suffix)))?.mediaType).toBe(type);
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
        await Promise.all(odd.map(name => store.put(key(name), bytes(name))));
        for (const name of odd) expect(text((await other.get(key(name)))?.body)).toBe(name);
        const listed = await store.list(prefix);
        expect(listed.objects.map(object => object.key)).toEqual(odd.map(key).sort(byBytes));
        await Promise.all(odd.map(name => store.delete(key(name))));
        expect((await store.list(prefix)).objects).toEqual([]);
      });

      it('refuses keys that are no relative paths', async () => {
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
          await expect(store.put(name, bytes('1')), name).rejects.toBeInstanceOf(InvalidInput);
          await expect(store.get(name), name).rejects.toBeInstanceOf(InvalidInput);
          await expect(store.head(name), name).rejects.toBeInstanceOf(InvalidInput);
          await expect(store.delete(name), name).rejects.toBeInstanceOf(InvalidInput);
        }
      });
    });

    describe('copies and files', () => {
      it('copies bytes and type, over what is there, and both live on alone', async () => {
        const { etag } = await store.put(key('from'), bytes('picture'), { mediaType: 'image/x-test' });
        await store.put(key('to/here'), bytes('old'));
        for (const target of ['to/here', 'to/there', 'from']) {
          await store.copy(key('from'), key(target));
          const got = await other.get(key(target));
          expect(text(got?.body)).toBe('picture');
          expect(got).toMatchObject({ key: key(target), size: 7, mediaType: 'image/x-test' });
        }
        expect((await other.head(key('to/here')))?.etag).toBe(etag);
        await store.put(key('to/here'), bytes('changed'));
        expect(text((await store.get(key('from')))?.body)).toBe('picture');
        await store.delete(key('from'));
        expect(text((await other.get(key('to/there')))?.body)).toBe('picture');
      });

      it('refuses to copy what is absent, and leaves the target alone', async () => {
        await store.put(key('to'), bytes('1'));
        await expect(store.copy(key('none'), key('to'))).rejects.toBeInstanceOf(NotFound);
        await expect(store.copy(key('none/none'), key('new'))).rejects.toBeInstanceOf(NotFound);
        expect(text((await store.get(key('to')))?.body)).toBe('1');
        expect(await store.head(key('new'))).toBeUndefined();
      });

      it('spools a stream and puts it as often as it is asked to, on any condition', async () => {
        const large = makeBytes(3 * 1024 * 1024 + 1);
        const spooled = await store.spool(cut(large, 100_000));
        expect(spooled).toMatchObject({ size: large.length, digest: digestOf(large) });
        const { etag } = await store.put(key('a'), spooled, { mediaType: 'x/y', ifNoneMatch: '*' });
        await expect(store.put(key('a'), spooled, { ifNoneMatch: '*' })).rejects.toBeInstanceOf(PreconditionFailed);
        await store.put(key('b'), bytes('old'));
        expect((await store.put(key('b'), spooled)).etag).toBe(etag);
        // Another instance takes it, too: it copies the file.
        expect((await other.put(key('a'), spooled, { ifMatch: etag })).etag).toBe(etag);
        await spooled.discard();
        await spooled.discard();
        for (const name of ['a', 'b']) {
          const got = await other.get(key(name));
          expect(got?.etag).toBe(etag);
          expect(Buffer.compare(got?.body ?? bytes(''), large)).toBe(0);
        }
        await store.put(key('a'), bytes('over it'));
        expect(text((await store.get(key('a')))?.body)).toBe('over it');
      });

      it('keeps nothing of a stream that breaks', async () => {
        const broken = async function* () {
          yield bytes('half');
          throw new Error('the client went away');
        };
        await expect(store.spool(broken())).rejects.toThrow('the client went away');
        expect((await store.list(prefix)).objects).toEqual([]);
      });
    });

    describe('ranges', () => {
      it('reads what HTTP ranges mean, and reports the whole size', async () => {
        const { etag } = await store.put(key('a'), bytes('0123456789'));
        const read = async (start: number, end?: number) => {
          const got = await other.get(key('a'), end === undefined ? { start } : { start, end });
          expect(got).toMatchObject({ size: 10, etag });
          return text(got?.body);
        };
        expect(await read(0, 0)).toBe('0');
        expect(await read(2, 4)).toBe('234');
        expect(await read(7)).toBe('789');
        expect(await read(9, 9)).toBe('9');
        expect(await read(5, 1000)).toBe('56789');
        expect(await store.get(key('none'), { start: 0 })).toBeUndefined();
      });

      it('refuses ranges that start past the end or are malformed', async () => {
        await store.put(key('a'), bytes('0123456789'));
        for (const range of [{ start: 10 }, { start: 99 }, { start: -1 }, { start: 3, end: 2 }, { start: 0.5 }]) {
          await expect(store.get(key('a'), range)).rejects.toBeInstanceOf(InvalidInput);
        }
        await store.put(key('empty'), new Uint8Array());
        await expect(store.get(key('empty'), { start: 0 })).rejects.toBeInstanceOf(InvalidInput);
      });
    });

    describe('conditions', () => {
      it('creates only what is not there', async () => {
        await store.put(key('a'), bytes('1'), { ifNoneMatch: '*' });
        await expect(other.put(key('a'), bytes('2'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(PreconditionFailed);
        expect(text((await store.get(key('a')))?.body)).toBe('1');
        await store.delete(key('a'));
        await other.put(key('a'), bytes('3'), { ifNoneMatch: '*' });
        expect(text((await store.get(key('a')))?.body)).toBe('3');
      });

      it('replaces only the version that was named', async () => {
        const first = await store.put(key('a'), bytes('1'));
        const second = await other.put(key('a'), bytes('2'), { ifMatch: first.etag });
        await expect(store.put(key('a'), bytes('3'), { ifMatch: first.etag })).rejects.toBeInstanceOf(
          PreconditionFailed,
        );
        expect(text((await store.get(key('a')))?.body)).toBe('2');
        await store.put(key('a'), bytes('4'), { ifMatch: second.etag });
        expect(text((await other.get(key('a')))?.body)).toBe('4');
      });

      it('rejects a version of what is absent or deleted', async () => {
        const { etag } = await store.put(key('a'), bytes('1'));
        await expect(store.put(key('b'), bytes('1'), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailed);
        await store.delete(key('a'));
        await expect(store.put(key('a'), bytes('1'), { ifMatch: etag })).rejects.toBeInstanceOf(PreconditionFailed);
        expect(await store.head(key('a'))).toBeUndefined();
        expect(await store.head(key('b'))).toBeUndefined();
      });

      it('lets one of 200 concurrent creators win, and keeps its bytes', async () => {
        const winners = await race(
          Array.from({ length: 200 }, (_, i) => async () => {
            await (i % 2 ? store : other).put(key('race'), bytes(`creator ${i}`), { ifNoneMatch: '*' });
            return i;
          }),
        );
        expect(winners).toHaveLength(1);
        expect(text((await store.get(key('race')))?.body)).toBe(`creator ${winners[0]}`);
      });

      it('lets one of 64 concurrent writers win per version', async () => {
        let { etag } = await store.put(key('race'), bytes('start'));
        for (let round = 0; round < 3; round++) {
          const winners = await race(
            Array.from({ length: 64 }, (_, i) => async () => {
              const body = `round ${round} writer ${i}`;
              return { body, ...(await (i % 2 ? store : other).put(key('race'), bytes(body), { ifMatch: etag })) };
            }),
          );
          expect(winners).toHaveLength(1);
          const got = await other.get(key('race'));
          expect(text(got?.body)).toBe(winners[0]?.body);
          expect(got?.etag).toBe(winners[0]?.etag);
          etag = got?.etag ?? ('' as Etag);
        }
      });

      it('loses no increment of a counter', async () => {
        await store.put(key('counter'), bytes('0'));
        const increment = async (via: ObjectStore) => {
          for (;;) {
            const got = await via.get(key('counter'));
            const value = Number(text(got?.body));
            const ifMatch = got?.etag ?? ('' as Etag);
            const [won] = await race([() => via.put(key('counter'), bytes(String(value + 1)), { ifMatch })]);
            if (won) return;
          }
        };
        await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2 ? store : other)));
        expect(text((await store.get(key('counter')))?.body)).toBe('20');
      });

      it('never shows a mixture, nor nothing, to readers of what is overwritten', async () => {
        const versions = ['a', 'b', 'c'].map(letter => bytes(letter.repeat(100_000)));
        await store.put(key('a'), bytes('a'.repeat(100_000)));
        let writing = true;
        const write = async () => {
          for (let i = 0; i < 30; i++) await store.put(key('a'), versions[i % 3] ?? bytes(''));
          writing = false;
        };
        const read = async () => {
          while (writing) {
            const body = (await other.get(key('a')))?.body;
            expect(body?.length).toBe(100_000);
            expect(body?.every(byte => byte === body[0])).toBe(true);
          }
        };
        await Promise.all([write(), read(), read()]);
      });
    });

    describe('listing', () => {
      const KEYS = ['a', 'a-b', 'a.b', 'a/b', 'a/b-c/d', 'a/c', 'a0', 'b/x/1', 'b/x/2', 'b/y', 'c', 'z\u{FF5E}', 'z😀'];
      const put = () => Promise.all(KEYS.filter(name => name !== 'a').map(name => store.put(key(name), bytes(name))));
      const names = async (rest: string, options?: ListOptions) => {
        const { objects, prefixes, next } = await other.list(key(rest), options);
        const strip = (full: string) => full.slice(prefix.length);
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

      it('tells size, version and type of each', async () => {
        const { etag } = await store.put(key('x.png'), bytes('12345'));
        const { objects } = await other.list(prefix);
        expect(objects).toHaveLength(1);
        expect(objects[0]).toMatchObject({ key: key('x.png'), size: 5, etag });
      });

      it('starts after a key, whether it exists or not', async () => {
        await put();
        const sorted = KEYS.slice(1).sort(byBytes);
        for (const after of [...sorted, 'a/b-', 'a/b-c', 'a/b-c/', 'a/z', 'b', 'b/', 'b/x', '0', 'zz', 'z\u{FFFD}']) {
          expect((await names('', { after: key(after) })).keys).toEqual(
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

      it('rolls up what contains the delimiter', async () => {
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

      it('pages through more than a thousand objects', async () => {
        const count = 1234;
        const all = Array.from({ length: count }, (_, i) => `n/${String(i).padStart(5, '0')}`);
        for (let i = 0; i < count; i += 100) {
          await Promise.all(all.slice(i, i + 100).map(name => store.put(key(name), bytes('x'))));
        }
        const first = await names('n/');
        expect(first.keys).toEqual(all.slice(0, 1000));
        expect((await names('n/', { after: first.next ?? '' })).keys).toEqual(all.slice(1000));
      });

      it('refuses limits that are none', async () => {
        for (const limit of [0, -1, 1.5]) {
          await expect(store.list(prefix, { limit })).rejects.toBeInstanceOf(InvalidInput);
        }
      });

      it('lists what was written while others write and delete', async () => {
        await store.put(key('m/stays'), bytes('1'));
        const churn = async (name: string) => {
          for (let i = 0; i < 20; i++) {
            await store.put(key(`m/${name}/x`), bytes('1'));
            await store.delete(key(`m/${name}/x`));
          }
        };
        const look = async () => {
          for (let i = 0; i < 20; i++) expect((await names('m/')).keys).toContain('m/stays');
        };
        await Promise.all([churn('a'), churn('z'), churn('z'), look()]);
        expect((await names('')).keys).toEqual(['m/stays']);
      });

      it('shows nothing but objects, and nothing outside the store', async () => {
        await store.put(key('a'), bytes('1'), { mediaType: 'x/y' });
        const { objects } = await store.list('');
        expect(objects.map(object => object.key)).toEqual([key('a')]);
        for (const outside of ['../', '/', './', '.easel/', 'a/../']) {
          expect((await store.list(outside)).objects).toEqual([]);
        }
      });
    });
  });
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
