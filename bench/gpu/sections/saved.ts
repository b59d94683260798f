/** @file A compiled program on disk: time to compile and write it, and to load it in a new process. */
import { join } from 'node:path';
import { createXlaEngine } from '../../../gpu-runner/engines/xla/engine.ts';
import { openPrograms } from '../../../gpu-runner/planning/programs.ts';
import { configOf } from '../bench-config.ts';
import type { RunSection } from '../context.ts';
import { drawState, feedsAsState } from '../resident.ts';
import { startSection } from '../start-section.ts';

/** Set in the process that loads. */
const SECOND = 'EASEL_GPU_BENCH_SECOND';

export const run: RunSection = async ({ platform, cacheFolder, isSmall }, report) => {
  const { config: whole, frame } = await configOf(isSmall ? 'prod-1' : 'prod-0', isSmall);
  const config = { ...whole, model: { ...whole.model, depth: 3 } };
  const programs = openPrograms(config, frame, { precision: 'bf16' });
  const graph = feedsAsState(programs.gradient({ micro_batch: 2, gradient_checkpointing: false }));
  const engine = await createXlaEngine({ platform, precision: 'bf16', cacheFolder: join(cacheFolder, 'saved') });
  const start = performance.now();
  const executable = await engine.compile(graph);
  const seconds = (performance.now() - start) / 1000;
  const { loss } = await executable.run(drawState(engine, graph), {});
  const isSecond = process.env[SECOND] !== undefined;
  report({ process: isSecond ? 'second' : 'first', seconds, loss: loss?.data[0] ?? Number.NaN });
  await engine.dispose();
  if (isSecond) return;
  const ending = await startSection({ name: 'saved', seconds: 60 }, 60_000, report, { env: { [SECOND]: '1' } });
  if (ending.how !== 'done') throw new Error(`the second process: ${ending.reason}`);
};
