/** @file Two processes on one store whose operations come in whatever order a seed says. */
import { setImmediate } from 'node:timers/promises';
import { interceptStore, type StoreCall } from '../../storage/intercept.ts';
import type { ObjectStore } from '../../storage/types.ts';

export interface Turns {
  /** Of a process whose operations wait until it is given turns. */
  follow(store: ObjectStore): ObjectStore;
  /** Of the process that leads: before each of its operations the other one gets some turns. */
  lead(store: ObjectStore): ObjectStore;
  /** From now on nobody waits. */
  open(): void;
}

/**
 * @param most Turns that the process which follows gets at once.
 * @param onTurn Called before each of its operations.
 */
export function createTurns(seed: number, most: number, onTurn: (call: StoreCall) => void): Turns {
  let state = seed >>> 0;
  let turns = 0;
  let opened = false;
  const waiting: (() => void)[] = [];

  /** Numerical Recipes' linear congruential generator. */
  const draw = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const give = async (count: number) => {
    for (turns = count; turns > 0; turns--) {
      waiting.shift()?.();
      // What it does between two operations takes a few rounds of the event loop.
      for (let i = 0; i < 4; i++) await setImmediate();
    }
  };

  return {
    follow: store =>
      interceptStore(store, async (call, run) => {
        if (!opened) await new Promise<void>(resolve => waiting.push(resolve));
        onTurn(call);
        return run();
      }),
    lead: store =>
      interceptStore(store, async (_, run) => {
        await give(draw(2) === 0 ? 0 : draw(most + 1));
        return run();
      }),
    open() {
      opened = true;
      for (const wake of waiting.splice(0)) wake();
    },
  };
}
