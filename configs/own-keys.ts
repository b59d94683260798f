/** @file Keys of a config that each run of a grid or a sweep sets itself: a change of them would be lost in silence. */
import { isRecord } from './merge-deep.ts';

/** Total samples and the target follow from the steps or the seconds of a run, where it has any. */
export type OwnKey = 'seed' | 'optimizer.total_samples' | 'run.target';

/** The first such key that the changes of a config state. Null removes a key, and states nothing. */
export function findOwnKey({ seed, optimizer, run }: Readonly<Record<string, unknown>>): OwnKey | undefined {
  if (isStated(seed)) return 'seed';
  if (isRecord(optimizer) && isStated(optimizer.total_samples)) return 'optimizer.total_samples';
  return isRecord(run) && isStated(run.target) ? 'run.target' : undefined;
}

const isStated = (value: unknown) => value !== undefined && value !== null;
