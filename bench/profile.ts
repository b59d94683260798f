/** @file Share of the time of a graph's run by kind of operation. */
import type { KindProfile } from '../gpu-runner/compiler/engine.ts';
import type { Graph } from '../gpu-runner/compiler/graph.ts';
import { openEngine } from '../gpu-runner/jobs/engines.ts';
import type { EngineSpec } from '../storage/records.ts';
import { Contestant, takeTurns } from './timing.ts';

export interface KindShare extends KindProfile {
  /** Share of the time of all operations. */
  readonly share: number;
}

/**
 * Profile of the fastest of `rounds` runs (OpenVINO: of their mean), on a separate engine, since recording takes time.
 * @throws Error if the engine has no profile.
 */
export async function profileGraph(spec: EngineSpec, graph: Graph, rounds: number): Promise<KindShare[]> {
  const engine = await openEngine(spec, { profile: true });
  const contestant = await Contestant.prepare(engine, graph);
  try {
    if (contestant.executable.profile === undefined) {
      throw new Error(`--profile on ${spec.name}: expected onnxruntime/cpu or openvino/cpu`);
    }
    await takeTurns([contestant], rounds);
    const kinds = await contestant.executable.profile();
    const total = kinds.reduce((sum, { ms }) => sum + ms, 0);
    return kinds.map(kind => ({ ...kind, share: kind.ms / total }));
  } finally {
    await contestant.dispose();
    await engine.dispose();
  }
}
