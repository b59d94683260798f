/** @file Time of a program whose runs are queued one behind the other. */
import type { Executable, State, Tensors } from '../../gpu-runner/compiler/engine.ts';

/** Milliseconds per run, over `rounds` runs after two that do not count. */
export async function timeRuns(executable: Executable, state: State, feeds: Tensors, rounds: number): Promise<number> {
  for (let i = 0; i < 2; i++) await executable.run(state, feeds);
  // A program without outputs is only queued when its run resolves: the read waits for it.
  const [name] = state.names;
  const settle = () => state.read(smallestOf(state, name));
  await settle();
  const start = performance.now();
  await Promise.all(Array.from({ length: rounds }, () => executable.run(state, feeds)));
  await settle();
  return (performance.now() - start) / rounds;
}

/** One small tensor, if the names tell one; else the first. */
function smallestOf({ names }: State, first: string | undefined): string[] {
  const small = names.find(name => /bias$|_norm$|\.null$/.test(name)) ?? first;
  return small === undefined ? [] : [small];
}
