/** @file Every answer that a soak may get, from an undisturbed server over a folder of its own. */
import { openSite } from '../../test/site/open-site.ts';
import { createClient } from './client.ts';
import { create, prepare, sample, train, type Variety } from './workload.ts';

const CALL_MS = 300_000;

export interface Oracle {
  dataset(dataset: number): string;
  checkpoint(dataset: number, model: number): string;
  picture(dataset: number, model: number, picture: number): string;
}

/** @param log Gets a line per model. */
export async function askOracle(variety: Variety, log: (line: string) => void): Promise<Oracle> {
  const site = await openSite();
  const known = new Map<string, string>();
  try {
    const client = createClient(() => site.easel.url, CALL_MS);
    for (let dataset = 0; dataset < variety.datasets; dataset++) {
      known.set(`${dataset}`, (await prepare(client, dataset)).digest);
      for (let model = 0; model < variety.models; model++) {
        const name = `oracle-${dataset}-${model}`;
        await create(client, { name, dataset, model, chunkSteps: 24 });
        known.set(`${dataset} ${model}`, (await train(client, name)).digest);
        for (let picture = 0; picture < variety.pictures; picture++) {
          known.set(`${dataset} ${model} ${picture}`, (await sample(client, name, picture)).digest);
        }
        log(`the oracle knows data set ${dataset}, model ${model}`);
      }
    }
  } finally {
    await site.close();
  }
  const look = (key: string) => known.get(key) ?? 'unknown to the oracle';
  return {
    dataset: dataset => look(`${dataset}`),
    checkpoint: (dataset, model) => look(`${dataset} ${model}`),
    picture: (dataset, model, picture) => look(`${dataset} ${model} ${picture}`),
  };
}
