import { testObjectStore } from '../testing/conformance.ts';
import { withLatency } from '../testing/faults.ts';
import type { StoredObject } from '../types.ts';
import { createMemoryStore, type MemoryObjects } from './memory.ts';

function createPlace(wrap: (objects: MemoryObjects) => ReturnType<typeof createMemoryStore>) {
  const objects: MemoryObjects = new Map<string, StoredObject>();
  return {
    open: async () => wrap(objects),
    destroy: async () => objects.clear(),
    corrupt: async (key: string, at = 0) => {
      const stored = objects.get(key);
      if (stored) objects.set(key, { ...stored, body: stored.body.map((byte, i) => (i === at ? byte ^ 1 : byte)) });
    },
  };
}

testObjectStore('memory', async () => createPlace(createMemoryStore));

let seed = 0;
// Operations end in a random order, so the suite finds code that relies on their order.
testObjectStore('memory, late', async () => createPlace(objects => withLatency(createMemoryStore(objects), seed++, 3)));
