/** @file A gpu-runner for tests, which takes jobs of the kind `encode` alone. */
import type { EncodeJob, RunnerClient } from '../../gpu-runner/protocol.ts';
import type { EngineSpec } from '../../storage/records.ts';

/** @param engine The one engine that it has. */
export function createEncodeRunner(
  encode: (job: EncodeJob) => ReturnType<RunnerClient['run']>,
  { name, threads }: Pick<EngineSpec, 'name' | 'threads'>,
): RunnerClient {
  return {
    async run(_, job) {
      if (job.kind !== 'encode') throw new Error('only encode jobs are expected');
      return encode(job);
    },
    status: async () => ({
      ...{ v: 1, pid: 1, uptime: 1, device: 'fake', heartbeat_age_ms: 0, running: null },
      ...{ queued: 0, finished: 0, stopping: false, engines: [{ name, available: true, threads }] },
    }),
  };
}
