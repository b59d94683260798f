/** @file A store whose process dies at its n-th operation. */
import { interceptStore, type StoreCall } from '../../storage/intercept.ts';
import type { ObjectStore } from '../../storage/types.ts';

/** `before` the operation happens, or `after` it has happened and before its answer arrives. */
export const MOMENTS = ['before', 'after'] as const;
export type Moment = (typeof MOMENTS)[number];

export interface Death {
  /** Counts from 1. */
  readonly operation: number;
  readonly moment: Moment;
}

/** Calls `die` at that operation. From then on the store does nothing and never answers, as for a dead process. */
export function createMortalStore(store: ObjectStore, death: Death, die: (call: StoreCall) => void): ObjectStore {
  const silence = new Promise<never>(() => {});
  let count = 0;
  let dead = false;
  return interceptStore(store, async (call, run) => {
    if (dead) return silence;
    const isLast = ++count === death.operation;
    const end = () => {
      dead = true;
      die(call);
    };
    if (isLast && death.moment === 'before') {
      end();
      return silence;
    }
    try {
      return await run();
    } finally {
      if (isLast) end();
      if (dead) await silence;
    }
  });
}
