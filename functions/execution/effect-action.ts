import { canonicalDigest } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EffectFunction } from '../define.ts';

/** Under which `GET /runs/<action>` finds the runs of an effect: a digest of its name and the key of its input. */
export function effectAction(fn: EffectFunction, input: Readonly<Record<string, unknown>>): Digest {
  return canonicalDigest({ v: 1, effect: fn.name, version: fn.version, key: fn.key(input) });
}
