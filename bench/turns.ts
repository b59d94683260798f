/** @file Times contestants that take turns, so that other load on the machine hits all alike. */

export interface Turn {
  /** Work that is timed. */
  run(round: number): Promise<unknown>;
  /** Cleans up before the next turn; not timed. */
  after?(round: number): Promise<unknown>;
}

/**
 * Median milliseconds of `rounds` runs of each contestant, after one uncounted round. In the order of the contestants.
 */
export async function takeTurns(
  contestants: Readonly<Record<string, Turn>>,
  rounds: number,
): Promise<ReadonlyMap<string, number>> {
  const entries = Object.entries(contestants).map(([name, turn]) => ({ name, turn, times: [] as number[] }));
  for (let round = -1; round < rounds; round++) {
    for (const { turn, times } of entries) {
      const start = performance.now();
      await turn.run(round);
      if (round >= 0) times.push(performance.now() - start);
      await turn.after?.(round);
    }
  }
  return new Map(entries.map(({ name, times }) => [name, median(times)]));
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}
