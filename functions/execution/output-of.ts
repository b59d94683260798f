import { Internal } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Result } from '../../storage/records.ts';

/** An output that the function promises. @throws Internal */
export function outputOf(result: Result, name: string): Digest {
  const output = result.outputs[name];
  if (output) return output.digest;
  throw new Internal(`a result of ${result.action.function} without the output ${name}`);
}
