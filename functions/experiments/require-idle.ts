/** @file What must not happen to an experiment while it is in training. */
import { Conflict } from '../../errors.ts';
import type { Clock } from '../../storage/clock.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { readLease } from '../../storage/names/lease.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { readHead } from './experiment-head.ts';

/**
 * @param then What the caller does when the chunk has ended, for the hint.
 * @throws NotFound; Conflict while the experiment is in training.
 */
export async function requireIdle(
  { store, now }: { readonly store: ObjectStore; readonly now: Clock['now'] },
  name: string,
  then: string,
): Promise<void> {
  const { value: head } = await readHead(store, name);
  checkIdle(name, head, await readLease(store, name, now()), then);
}

/**
 * For a change of a head, which knows the newest one.
 * @param driver The lease of a training. @param then As for {@link requireIdle}. @throws Conflict
 */
export function checkIdle(
  name: string,
  { state }: Pick<ExperimentHead, 'state'>,
  driver: { readonly holder: string } | undefined,
  then: string,
): void {
  if (state !== 'running' && !driver) return;
  throw new Conflict(`the experiment "${name}" is in training${driver ? ` (by ${driver.holder})` : ''}`, {
    expected: 'an experiment that is not in training',
    hint: `POST /experiments/${name}/pause, then ${then} when its chunk has ended`,
    retryAfterSeconds: 5,
  });
}
