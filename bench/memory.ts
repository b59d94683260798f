/**
 * @file Peak memory of each network, predicted and measured: unchanged, with recomputed blocks, with attention in
 * chunks.
 * `node bench/memory.ts [--net lab,mlp,demo,small,attention] [--arena] [--threads N] [--runs N] [--json]`
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { chunkFor } from '../gpu-runner/compiler/attention.ts';
import { type MeasureOptions, measureMemory } from './memory/measure-memory.ts';

const { values: options } = parseArgs({
  options: {
    net: { type: 'string', default: 'lab,mlp,demo,small,attention' },
    arena: { type: 'boolean', default: false },
    threads: { type: 'string', default: String(availableParallelism()) },
    runs: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});

const base: MeasureOptions = {
  remat: false,
  arena: options.arena,
  threads: Number(options.threads),
  runs: Number(options.runs),
};

/** Variants of a network to compare. The first is the unchanged network. */
function variantsOf(net: string): Readonly<Record<string, MeasureOptions>> {
  if (net !== 'attention') return { kept: base, remat: { ...base, remat: true } };
  const chunk = chunkFor({ batch: 1, heads: 12, queries: 4096, keys: 4742 });
  return { whole: base, ...(chunk !== undefined && { [`chunks of ${chunk}`]: { ...base, chunk } }) };
}

const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

for (const net of options.net.split(',')) {
  let first: { readonly measured: number; readonly ms: number } | undefined;
  for (const [variant, settings] of Object.entries(variantsOf(net))) {
    const report = await measureMemory(net, settings);
    first ??= report;
    const ratio = (a: number, b: number) => Number((a / b).toFixed(3));
    const row = {
      bench: 'memory',
      net,
      variant,
      engine: 'onnxruntime/cpu',
      precision: 'f32',
      arena: options.arena,
      nodes: report.nodes,
      predicted_bytes: report.predicted,
      measured_bytes: report.measured,
      predicted_over_measured: ratio(report.predicted, report.measured),
      /** Memory divided by that of the first variant. */
      memory_ratio: ratio(report.measured, first.measured),
      ms: report.ms,
      time_ratio: ratio(report.ms, first.ms),
    };
    if (options.json) console.log(JSON.stringify(row));
    else {
      console.log(
        `${net}, ${variant}: predicted ${mib(row.predicted_bytes)}, measured ${mib(row.measured_bytes)} ` +
          `(${row.predicted_over_measured}), ` +
          `${row.memory_ratio} of the memory in ${row.time_ratio} of the time (${row.ms} ms)`,
      );
    }
  }
}
