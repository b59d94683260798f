/**
 * @file Kernels that were measured once are used again: equal bits in several processes, and the time of measured,
 * recorded and ruled kernels, with and without operations whose result varies.
 */
import { createHash } from 'node:crypto';
import type { Graph } from '../../../gpu-runner/compiler/graph.ts';
import { createXlaEngine, type XlaOptions } from '../../../gpu-runner/engines/xla/engine.ts';
import { openPrograms } from '../../../gpu-runner/planning/programs.ts';
import { configOf } from '../bench-config.ts';
import type { Context, RunSection } from '../context.ts';
import { drawState, feedsAsState } from '../resident.ts';
import { timeRuns } from '../time-runs.ts';

export const run: RunSection = async (context, report) => {
  const { isSmall } = context;
  const { config: whole, frame } = await configOf(isSmall ? 'prod-1' : 'prod-0', isSmall);
  // Few blocks, so that programs compile in seconds.
  const config = { ...whole, model: { ...whole.model, depth: 2 } };
  const programs = openPrograms(config, frame, { precision: 'bf16', tuning: { fusesAttention: !isSmall } });
  const graph = feedsAsState(programs.gradient({ micro_batch: isSmall ? 2 : 16, gradient_checkpointing: false }));

  const first = await measure(context, graph, { records: true });
  report({ kernels: 'measured and recorded', gradient_ms: first.ms, recorded_bytes: first.choices?.length ?? 0 });
  if (first.choices !== undefined) {
    const again = [1, 2].map(() => measure(context, graph, { autotune: first.choices ?? new Uint8Array() }));
    const [second, third] = await Promise.all(again);
    report({
      kernels: 'as recorded',
      gradient_ms: Math.min(second?.ms ?? Number.NaN, third?.ms ?? Number.NaN),
      equal_bits_of_two_processes: second?.digest === third?.digest,
      equal_to_the_first: second?.digest === first.digest,
    });
  }
  const ruled = await measure(context, graph, {});
  const repeated = await measure(context, graph, {});
  report({ kernels: 'by rules', gradient_ms: ruled.ms, equal_bits: ruled.digest === repeated.digest });
  const free = await measure(context, graph, { deterministic: false });
  report({ kernels: 'measured, operations may vary', gradient_ms: free.ms, price: first.ms / free.ms });
};

/** Compiles without a cache, so that each call compiles anew. */
async function measure({ platform, isSmall }: Context, graph: Graph, options: Partial<XlaOptions>) {
  const engine = await createXlaEngine({ platform, precision: 'bf16', compilesApart: true, ...options });
  try {
    const executable = await engine.compile(graph);
    const state = drawState(engine, graph);
    const ms = await timeRuns(executable, state, {}, isSmall ? 2 : 20);
    const gradients = await state.read(state.names.filter(name => name.startsWith('grad.')).sort());
    const hash = createHash('sha256');
    for (const { data } of Object.values(gradients)) hash.update(data);
    return { ms, digest: hash.digest('hex'), choices: engine.readChoices() };
  } finally {
    await engine.dispose();
  }
}
