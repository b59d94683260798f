/** @file How a driver moves the head of its experiment on, unless another call has moved or replaced it meanwhile. */
import { keyedConfig } from '../../configs/schema.ts';
import { Conflict } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { changeHead, readConfig, readHead } from './experiment-head.ts';

export interface MoveContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/**
 * Changes the head that stands where it stood `before`. State and target may be others by now, and so may the keys of
 * the config that decide no bits.
 * @param goal The checkpoint to which `change` moves it: a head that is there already stays as it is.
 * @throws Conflict if another call moved the experiment on, or replaced it.
 */
export async function moveHead(
  ctx: MoveContext,
  name: string,
  before: ExperimentHead,
  change: (now: ExperimentHead) => ExperimentHead | Promise<ExperimentHead>,
  goal?: Digest,
): Promise<ExperimentHead> {
  const equal = new Set<Digest>([before.config]);
  for (;;) {
    let other: Digest | undefined;
    const head = await changeHead(ctx.store, name, now => {
      other = undefined;
      if (goal !== undefined && now.checkpoint === goal) return now;
      checkPlace(name, before, now);
      other = equal.has(now.config) ? undefined : now.config;
      return other === undefined ? change(now) : now;
    });
    if (other === undefined) return head;
    await checkConfig(ctx, name, before, head);
    equal.add(other);
  }
}

/** @throws Conflict if another call moved the experiment on from where it stood `before`, or replaced it. */
export async function checkUnmoved(ctx: MoveContext, name: string, before: ExperimentHead): Promise<ExperimentHead> {
  const { value: now } = await readHead(ctx.store, name);
  checkPlace(name, before, now);
  await checkConfig(ctx, name, before, now);
  return now;
}

function checkPlace(name: string, before: ExperimentHead, now: ExperimentHead): void {
  if (before.checkpoint !== now.checkpoint || before.dataset !== now.dataset) throw moved(name);
}

async function checkConfig({ blobs }: MoveContext, name: string, before: ExperimentHead, now: ExperimentHead) {
  if (before.config === now.config) return;
  const [one, other] = await Promise.all([before, now].map(head => readConfig(blobs, head)));
  const isEqual = one && other && canonicalJson(keyedConfig(one)) === canonicalJson(keyedConfig(other));
  if (!isEqual) throw moved(name);
}

function moved(name: string): Conflict {
  return new Conflict(`the experiment ${name} was moved by another call`, {
    hint: 'call again: it goes on from there',
  });
}
