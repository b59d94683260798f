import { testObjectStore } from '../testing/conformance.ts';
import type { StoredObject } from '../types.ts';
import { createMemoryStore } from './memory.ts';

testObjectStore('memory', async () => {
  const objects = new Map<string, StoredObject>();
  return { open: async () => createMemoryStore(objects), destroy: async () => objects.clear() };
});
