/** @file Trains on a stored dataset like the gpu-runner, in a separate process. Prints memory and waits as JSON. */
import { keyedConfigSchema } from '../../configs/schema.ts';
import { signalsOf } from '../../configs/signals.ts';
import { openEngine } from '../../gpu-runner/jobs/engines.ts';
import { createLoaders } from '../../gpu-runner/process/loader-client.ts';
import { EMPTY_PROGRESS, Trainer } from '../../gpu-runner/training/trainer.ts';
import { parseDigest } from '../../storage/digest.ts';
import { engineSpecSchema } from '../../storage/records.ts';
import { CONDITIONS } from './data-set.ts';

/** Steps that do not count. They compile, and fill the read-ahead. */
const WARM_UP = 2;

export interface DataRun {
  readonly openMs: number;
  readonly steps: readonly { readonly ms: number; readonly waitedMs: number }[];
  readonly peakRssBytes: number;
}

const [store = '', dataset = '', budgetMiB = '0', engine = '', steps = '0'] = process.argv.slice(2);
const config = keyedConfigSchema.parse({
  model: { hidden_size: 128, num_heads: 2, depth: 4, patch_size: 16, conditions: CONDITIONS },
  data: { batch_size: 8 },
});
const started = performance.now();
const loaders = createLoaders({ storeUrl: store }, Number(budgetMiB) * 2 ** 20, error => {
  throw error;
});
const signals = signalsOf(config.model.conditions);
const source = await loaders.open({ dataset: parseDigest(dataset), signals }, () => {});
const openMs = performance.now() - started;
const spec = engineSpecSchema.parse(JSON.parse(engine));
const trainer = new Trainer(await openEngine(spec), config, source, config.data.batch_size, EMPTY_PROGRESS);
const measured: { ms: number; waitedMs: number }[] = [];
for (let step = -WARM_UP; step < Number(steps); step++) {
  const [begun, waited] = [performance.now(), trainer.waitedMs];
  await trainer.step();
  // One turn of the event loop, as between two steps of a job.
  await new Promise(resolve => setImmediate(resolve));
  if (step >= 0) measured.push({ ms: performance.now() - begun, waitedMs: trainer.waitedMs - waited });
}
const run: DataRun = { openMs, steps: measured, peakRssBytes: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(`${JSON.stringify(run)}\n`);
process.exit(0);
