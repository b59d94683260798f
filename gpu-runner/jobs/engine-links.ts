import type { Digest } from '../../storage/digest.ts';
import type { EngineSpec } from '../../storage/records.ts';

/** The blobs that an engine reads when it is opened: results of its jobs link to them. */
export function engineLinks({ autotune }: EngineSpec): Digest[] {
  return autotune === undefined ? [] : [autotune];
}
