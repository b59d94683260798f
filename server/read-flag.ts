/** @file Flags in the query of a URL: `?force`, `?force=false`. */
import { InvalidInput } from '../errors.ts';

/** Whether a flag is on: `?flag`, `?flag=true` or `?flag=1`. @throws InvalidInput */
export function readFlag(value: string | undefined, name: string): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === '' || value === 'true' || value === '1') return true;
  throw new InvalidInput(`?${name}=${value.slice(0, 50)} is wrong`, { expected: `?${name} or ?${name}=false` });
}
