/**
 * `base` with the keys of `over`, as a JSON merge patch (RFC 7396): objects are merged, null removes a key, everything
 * else is replaced. A value undefined changes nothing.
 */
export function mergeDeep(base: unknown, over: unknown): unknown {
  if (!isRecord(over)) return over;
  const merged = new Map(isRecord(base) ? Object.entries(base) : []);
  for (const [key, value] of Object.entries(over)) {
    if (value === null) merged.delete(key);
    else if (value !== undefined) merged.set(key, mergeDeep(merged.get(key), value));
  }
  // An assignment would make the key __proto__ a prototype, and parseConfig would not see it.
  return Object.fromEntries(merged);
}

/** Whether a value is an object with keys, and no array. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
