/** @file The test suite for all drivers. Each test uses its own prefix of keys, so one bucket is enough. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe } from 'vitest';
import type { ObjectStore } from '../types.ts';
import { testConditions } from './conformance/conditions.ts';
import { testCopies } from './conformance/copies.ts';
import { testFailures } from './conformance/failures.ts';
import { testIntegrity } from './conformance/integrity.ts';
import { testListing } from './conformance/listing.ts';
import { testObjects } from './conformance/objects.ts';
import { testRanges } from './conformance/ranges.ts';
import type { StoreUnderTest } from './conformance/setting.ts';

export type { StoreUnderTest };

const SECTIONS = [testObjects, testCopies, testRanges, testConditions, testListing, testIntegrity, testFailures];

/** Registers the suite. `create` makes an empty place for one test. */
export function testObjectStore(name: string, create: () => Promise<StoreUnderTest>): void {
  describe(`object store: ${name}`, () => {
    let place: StoreUnderTest;
    let store: ObjectStore;
    let other: ObjectStore;
    let prefix: string;

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

    const setting = {
      get place() {
        return place;
      },
      get store() {
        return store;
      },
      get other() {
        return other;
      },
      get prefix() {
        return prefix;
      },
      key: (rest: string) => `${prefix}${rest}`,
    };
    for (const test of SECTIONS) test(setting);
  });
}
