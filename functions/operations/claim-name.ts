/** @file A new experiment takes its name, unless the name is taken: then it must be the same experiment. */
import { Conflict, PreconditionFailed } from '../../errors.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';

/** @returns The head of the experiment that was there first; undefined when the name is ours. */
export async function claimName(
  store: ObjectStore,
  name: string,
  head: ExperimentHead,
): Promise<ExperimentHead | undefined> {
  const refs = createRefs(store).experiments;
  try {
    await refs.create(name, head);
    return undefined;
  } catch (error) {
    if (!(error instanceof PreconditionFailed)) throw error;
    const winner = await refs.read(name);
    if (winner) return winner.value;
    throw new Conflict(`the experiment "${name}" was created and deleted meanwhile`, { hint: 'try again' });
  }
}

/**
 * @param differences Differences between experiment and body, as `key (stored, not asked)`.
 * @param hints Ways out that suit these. @throws Conflict if there are differences.
 */
export function checkSameExperiment(name: string, differences: readonly string[], hints: readonly string[] = []): void {
  if (differences.length === 0) return;
  const trainOn = `POST /experiments/${name}/train {"target": N} trains on`;
  throw new Conflict(`the experiment "${name}" exists with another ${differences.join(', ')}`, {
    expected: 'the body it was created with',
    hint: [...hints, `choose another name, or DELETE /experiments/${name} first`, trainOn].join('; '),
    details: { differences },
  });
}
