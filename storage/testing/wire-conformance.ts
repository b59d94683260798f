/** @file The test suite for the S3 driver and a real store with a failing network between them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ambiguous, Corrupt, PreconditionFailed, StoreDenied, Unreachable } from '../../errors.ts';
import { createBlobStore } from '../blobs/cas.ts';
import { digestOf } from '../digest.ts';
import { blobKey } from '../keys.ts';
import { writeVersioned } from '../names/versioned.ts';
import { withPatience } from '../patience.ts';
import { probeStore } from '../probe.ts';
import type { ObjectStore, StoredObject } from '../types.ts';
import { addName, readNames } from './conformance/failures.ts';
import { bytes, makeBytes, text } from './conformance/setting.ts';
import { createDraw } from './faults.ts';
import { type FaultyProxy, startFaultyProxy, type WireFault } from './faulty-proxy.ts';

export interface WirePlace {
  /** Endpoint of the store itself. */
  readonly endpoint: string;
  /** Opens the place without retries, by the endpoint of the store or of a proxy in front of it. */
  open(endpoint: string): ObjectStore;
  destroy(): Promise<void>;
}

const digestOfBody = (stored: StoredObject | undefined) => stored && digestOf(stored.body);

/** Registers the suite. `create` makes an empty place for one test. */
export function testStoreOnWire(name: string, create: () => Promise<WirePlace>): void {
  describe(`store on the wire: ${name}`, () => {
    let place: WirePlace;
    let proxy: FaultyProxy;
    let direct: ObjectStore;
    let store: ObjectStore;
    const lines: string[] = [];
    const beginPatience = (budgetMs?: number) =>
      withPatience(store, { log: line => lines.push(line), ...(budgetMs !== undefined && { budgetMs }) });

    beforeEach(async () => {
      place = await create();
      proxy = await startFaultyProxy(place.endpoint);
      direct = place.open(place.endpoint);
      store = place.open(proxy.endpoint);
      lines.length = 0;
    });
    afterEach(async () => {
      await Promise.all([store.close(), direct.close()]);
      await proxy.close();
      await place.destroy();
    });

    const readText = async (key: string) => text((await direct.get(key))?.body);

    it('passes the probe through a proxy and leaves no objects', async () => {
      await probeStore(store);
      expect((await direct.list('')).objects).toEqual([]);
    });

    it('refuses a proxy that removes conditions: they are signed', async () => {
      for (const name of ['if-none-match', 'if-match']) {
        proxy.rewrite = headers => delete headers[name];
        await expect(probeStore(store)).rejects.toBeInstanceOf(StoreDenied);
        expect((await direct.list('')).objects).toEqual([]);
      }
    });

    for (const [fault, committed] of [
      ['drop request', undefined],
      ['drop response', '1'],
    ] as const) {
      it(`reports an ambiguous write (${fault})`, async () => {
        proxy.next('PUT', fault);
        await expect(store.put('a', bytes('1'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(Ambiguous);
        expect(await readText('a')).toBe(committed);
        // The driver does not retry.
        expect(proxy.requests).toHaveLength(1);
      });

      it(`settles a document (${fault})`, async () => {
        proxy.next('PUT', fault);
        const etag = await writeVersioned(store, 'doc', { n: 1 }, { ifNoneMatch: '*' });
        expect(etag).toBe((await direct.head('doc'))?.etag);
        proxy.next('PUT', fault);
        const ifMatch = etag ?? ('' as never);
        expect(await writeVersioned(store, 'doc', { n: 2 }, { ifMatch })).toBe((await direct.head('doc'))?.etag);
        expect(await readText('doc')).toBe('{"n":2}');
      });

      it(`repeats puts, copies and deletes (${fault})`, async () => {
        const patient = beginPatience();
        proxy.next('PUT', fault);
        await patient.put('a', bytes('1'));
        proxy.next('PUT', fault);
        await patient.copy('a', 'b');
        proxy.next('DELETE', fault);
        await patient.delete('a');
        expect(await readText('a')).toBeUndefined();
        expect(await readText('b')).toBe('1');
      });
    }

    it('settles a document whose first copy arrives late', async () => {
      proxy.next('PUT', 'late');
      const etag = await writeVersioned(store, 'doc', { n: 1 }, { ifNoneMatch: '*' });
      expect(etag).toBe((await direct.head('doc'))?.etag);
      await writeVersioned(direct, 'doc', { n: 2 }, { ifMatch: etag ?? ('' as never) });
      await proxy.close();
      expect(await readText('doc')).toBe('{"n":2}');
    });

    it('reads again after a cut or lost answer', async () => {
      const body = makeBytes(300_000);
      await direct.put('a', body);
      const patient = beginPatience();
      for (const fault of ['drop request', 'drop response', 'cut response'] as const) {
        proxy.next('GET', fault);
        await expect(store.get('a')).rejects.toBeInstanceOf(Unreachable);
        proxy.next('GET', fault);
        expect(digestOfBody(await patient.get('a'))).toBe(digestOf(body));
        proxy.next('GET', fault);
        const range = await patient.get('a', { start: 5, end: 200_004 });
        expect(digestOfBody(range)).toBe(digestOf(body.subarray(5, 200_005)));
        proxy.next('HEAD', fault === 'cut response' ? 'drop response' : fault);
        expect(await patient.head('a')).toMatchObject({ size: 300_000 });
        proxy.next('GET', fault);
        expect((await patient.list('')).objects).toHaveLength(1);
      }
    });

    it('finds a bit that flips on the way to the store, which stores nothing then', async () => {
      for (const size of [1, 100_000, 5 * 2 ** 20]) {
        proxy.next('PUT', 'flip request bit');
        await expect(store.put('a', makeBytes(size))).rejects.toBeInstanceOf(Corrupt);
        expect(await direct.head('a')).toBeUndefined();
      }
      const spooled = await store.spool(
        (async function* () {
          yield makeBytes(200_000);
        })(),
      );
      proxy.next('PUT', 'flip request bit');
      await expect(store.put('a', spooled)).rejects.toBeInstanceOf(Corrupt);
      expect(await direct.head('a')).toBeUndefined();
      proxy.next('PUT', 'flip request bit');
      await beginPatience().put('a', spooled, { ifNoneMatch: '*' });
      await spooled.discard();
      expect(digestOfBody(await direct.get('a'))).toBe(spooled.digest);
    });

    it('finds a bit that flips on the way back, in every kind of object', async () => {
      const body = makeBytes(100_000);
      const { digest } = await createBlobStore(direct).put(body);
      await direct.put('refs/datasets/x.json', bytes('{"v":1}'));
      for (const key of [blobKey(digest), 'refs/datasets/x.json']) {
        proxy.next('GET', 'flip response bit');
        await expect(store.get(key)).rejects.toBeInstanceOf(Corrupt);
        proxy.next('GET', 'flip response bit');
        expect(digestOfBody(await beginPatience().get(key))).toBe(digestOfBody(await direct.get(key)));
        proxy.choose = () => 'flip response bit';
        await expect(beginPatience().get(key)).rejects.toBeInstanceOf(Corrupt);
        proxy.choose = () => undefined;
      }
    });

    it('is unreachable while connections are refused, and operations wait for it', async () => {
      await direct.put('a', bytes('1'));
      await proxy.goDown();
      for (const options of [{}, { ifNoneMatch: '*' } as const]) {
        await expect(store.put('b', bytes('1'), options)).rejects.toBeInstanceOf(Unreachable);
      }
      await expect(store.get('a')).rejects.toBeInstanceOf(Unreachable);
      const patient = beginPatience();
      const waiting = Promise.all([
        patient.get('a'),
        patient.put('b', bytes('2'), { ifNoneMatch: '*' }),
        patient.list(''),
        patient.delete('c'),
      ]);
      await new Promise(resolve => setTimeout(resolve, 1000));
      await proxy.comeBack();
      await waiting;
      expect(await readText('b')).toBe('2');
      expect(lines).toEqual([expect.stringContaining('waiting for s3://'), expect.stringContaining('answers again')]);
      await proxy.goDown();
      // Only a read: a write on a connection that the store has just closed may be ambiguous.
      await expect(beginPatience(200).head('a')).rejects.toBeInstanceOf(Unreachable);
    });

    it('waits for a late answer', async () => {
      proxy.choose = () => 'delay request';
      await store.put('a', bytes('1'), { ifNoneMatch: '*' });
      proxy.choose = () => 'delay response';
      await expect(store.put('a', bytes('2'), { ifNoneMatch: '*' })).rejects.toBeInstanceOf(PreconditionFailed);
      expect(text((await store.get('a'))?.body)).toBe('1');
    });

    it('loses no change of several writers and applies none twice over a bad connection', async () => {
      const draw = createDraw(7);
      const faults: readonly WireFault[] = ['drop request', 'drop response', 'cut response', 'late'];
      proxy.choose = () => (draw() < 0.3 ? faults[Math.floor(draw() * faults.length)] : undefined);
      const names = Array.from({ length: 8 }, (_, i) => `writer ${i}`);
      const patient = beginPatience();
      await Promise.all(names.map(name => addName(patient, 'list', name)));
      await proxy.close();
      expect([...((await readNames(direct, 'list')) ?? [])].sort()).toEqual(names);
    });
  });
}
