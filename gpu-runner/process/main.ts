/** @file Starts a gpu-runner with the real jobs and engines. */
import { openEngine, probeEngines } from '../jobs/engines.ts';
import { createJobHandlers } from '../jobs/handlers.ts';
import { runRunnerProcess } from './process.ts';

await runRunnerProcess({ handlers: createJobHandlers(), openEngine, probeEngines });
