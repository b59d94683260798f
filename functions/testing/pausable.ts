/** @file A server that can be stopped at any operation on its store, and woken later, as by SIGSTOP and SIGCONT. */

import type { Clock } from '../../storage/clock.ts';
import { interceptStore } from '../../storage/intercept.ts';
import type { ObjectStore } from '../../storage/types.ts';

export interface Pausable {
  readonly store: ObjectStore;
  /** Does not return from a sleep while the server is paused. */
  readonly clock: Clock;
  /** Resolves when the pause begins. */
  readonly paused: Promise<void>;
  readonly operations: number;
  wake(): void;
}

export interface PauseOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  /** The pause begins with this operation on the store, counted from 1. */
  readonly at: number;
  /** Whether that operation still arrives, and only its answer is late; or it is made after the pause, late itself. */
  readonly arrives: boolean;
}

export function createPausable({ store, clock, at, arrives }: PauseOptions): Pausable {
  const begun = Promise.withResolvers<void>();
  const woken = Promise.withResolvers<void>();
  let operations = 0;
  let awake = true;
  const whileAwake = async () => {
    if (!awake) await woken.promise;
  };
  return {
    store: interceptStore(store, async (_, run) => {
      await whileAwake();
      if (++operations === at) {
        awake = false;
        begun.resolve();
        if (!arrives) await woken.promise;
      }
      const answer = await run();
      await whileAwake();
      return answer;
    }),
    clock: {
      ...clock,
      async sleep(ms, signal) {
        await clock.sleep(ms, signal);
        await whileAwake();
      },
    },
    paused: begun.promise,
    get operations() {
      return operations;
    },
    wake() {
      awake = true;
      woken.resolve();
    },
  };
}
