/** @file Finds keys `__proto__`: schemas of records drop them without an error, and assignments set a prototype. */

/** Paths of the keys `__proto__` in plain data, at any depth. */
export function listProtoKeys(value: unknown): string[][] {
  const found: string[][] = [];
  const seen = new Set<object>();
  const open: { readonly value: unknown; readonly path: readonly string[] }[] = [{ value, path: [] }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null || seen.has(next.value)) continue;
    seen.add(next.value);
    for (const [key, child] of Object.entries(next.value)) {
      const path = [...next.path, key];
      if (key === '__proto__') found.push(path);
      else open.push({ value: child, path });
    }
  }
  return found;
}
