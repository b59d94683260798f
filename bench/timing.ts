/** @file Work and time of graphs, for benchmarks. */
import type { Engine, Executable, State, Tensors } from '../gpu-runner/compiler/engine.ts';
import { countFlops } from '../gpu-runner/compiler/flops.ts';
import * as f from '../gpu-runner/compiler/functions.ts';
import { type Graph, graphInputs, graphReads } from '../gpu-runner/compiler/graph.ts';
import { optimize, type PassName } from '../gpu-runner/compiler/passes/optimize.ts';
import { sizeOf } from '../gpu-runner/compiler/tensor.ts';
import { trace } from '../gpu-runner/compiler/trace.ts';
import { PARAM_PREFIX } from '../gpu-runner/model/params.ts';
import { randomTensors } from './random-tensors.ts';

/** Number of elements in the parameters that a graph reads. */
export function countParams(graph: Graph): number {
  const params = [...graphReads(graph)].filter(([name]) => name.startsWith(PARAM_PREFIX));
  return params.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
}

/** A compiled graph with random operands. */
export class Contestant {
  /** Milliseconds of each counted run. */
  readonly times: number[] = [];
  readonly executable: Executable;
  readonly #state: State;
  readonly #feeds: Tensors;

  private constructor(executable: Executable, state: State, feeds: Tensors) {
    this.executable = executable;
    this.#state = state;
    this.#feeds = feeds;
  }

  static async prepare(engine: Engine, graph: Graph, without?: ReadonlySet<PassName>): Promise<Contestant> {
    const executable = await engine.compile(optimize(graph, engine, without));
    const state = engine.createState(randomTensors(graphReads(graph), 0.05));
    return new Contestant(executable, state, randomTensors(graphInputs(graph), 1));
  }

  async run(counts: boolean): Promise<void> {
    const start = performance.now();
    await this.executable.run(this.#state, this.#feeds);
    if (counts) this.times.push(performance.now() - start);
  }

  get fastest(): number {
    return Math.min(...this.times);
  }

  async dispose(): Promise<void> {
    await this.executable.dispose();
    this.#state.dispose();
  }
}

/** Runs the contestants by turns, so that other load on the machine hits all alike. Two rounds do not count. */
export async function takeTurns(contestants: readonly Contestant[], rounds: number): Promise<void> {
  for (let round = -2; round < rounds; round++) {
    for (const contestant of contestants) await contestant.run(round >= 0);
  }
}

/** Milliseconds of the fastest of `rounds` runs. */
export async function timeGraph(engine: Engine, graph: Graph, rounds: number): Promise<number> {
  const contestant = await Contestant.prepare(engine, graph);
  await takeTurns([contestant], rounds);
  await contestant.dispose();
  return contestant.fastest;
}

export interface Peak {
  readonly gflops: number;
  /** Rows and columns of the product that reached it. */
  readonly size: number;
}

/** Speed of the engine's fastest square matrix product of the given sizes. */
export async function measurePeak(engine: Engine, rounds: number, sizes: readonly number[]): Promise<Peak> {
  let peak: Peak = { gflops: 0, size: 0 };
  for (const size of sizes) {
    const graph = traceProduct(size);
    const gflops = countFlops(graph) / 1e6 / (await timeGraph(engine, graph, rounds));
    if (gflops > peak.gflops) peak = { gflops, size };
  }
  return peak;
}

/** A product of two square matrices. */
export function traceProduct(size: number): Graph {
  return trace(builder => {
    const x = builder.input('x', { shape: [size, size], dtype: 'f32' });
    const w = builder.state('w', { shape: [size, size], dtype: 'f32' });
    return { outputs: {}, writes: { y: f.matmul(x, w) } };
  });
}
