/**
 * @file An engine over a client of XLA without a cache, a queue or processes of its own: it measures single programs
 * with any flags and any form of the text.
 */
import type { Precision } from '../../configs/engines.ts';
import type { Engine, Executable, State, Tensors } from '../../gpu-runner/compiler/engine.ts';
import type { Graph } from '../../gpu-runner/compiler/graph.ts';
import { requireSpec } from '../../gpu-runner/compiler/shapes.ts';
import type { StableHloOptions } from '../../gpu-runner/compiler/targets/stablehlo/emitter.ts';
import { lowerToStableHlo, type StableHloProgram } from '../../gpu-runner/compiler/targets/stablehlo/lower.ts';
import type { XlaClient } from '../../gpu-runner/engines/xla/pjrt/client.ts';
import { type CompilerFlags, encodeCompileOptions } from '../../gpu-runner/engines/xla/pjrt/compile-options.ts';
import type { DeviceBuffer } from '../../gpu-runner/engines/xla/pjrt/device-buffer.ts';
import type { CompiledMemory } from '../../gpu-runner/engines/xla/pjrt/executables.ts';
import type { LoadedProgram } from '../../gpu-runner/engines/xla/pjrt/loaded-program.ts';
import { XlaState } from '../../gpu-runner/engines/xla/state.ts';

export interface PlainOptions {
  readonly flags?: CompilerFlags;
  readonly lowering?: StableHloOptions;
  readonly precision?: Precision;
}

/** A program over state. */
export class PlainExecutable implements Executable {
  readonly peakBytes: number;
  readonly memory: CompiledMemory;
  readonly loaded: LoadedProgram;
  readonly #client: XlaClient;
  readonly #program: StableHloProgram;

  constructor(client: XlaClient, program: StableHloProgram, loaded: LoadedProgram) {
    this.#client = client;
    this.#program = program;
    this.loaded = loaded;
    this.memory = loaded.memory;
    this.peakBytes = this.memory.peak;
  }

  /** Queues a run; `done` resolves when the device has run it. */
  start(state: XlaState, inputs: Tensors) {
    const fed: DeviceBuffer[] = [];
    const args = this.#program.arguments.map(({ kind, name, spec }) => {
      if (kind === 'state') return state.require(name, spec);
      const buffer = this.#client.upload(requireSpec(inputs[name], spec, `input "${name}"`));
      fed.push(buffer);
      return buffer;
    });
    const specs = this.#program.results.map(({ spec }) => spec);
    const { results, done } = this.loaded.run(args, specs);
    for (const buffer of fed) buffer.dispose();
    const outputs = new Map<string, DeviceBuffer>();
    for (const [i, { kind, name }] of this.#program.results.entries()) {
      const result = results[i];
      if (result && kind === 'write') state.replace(name, result);
      else if (result) outputs.set(name, result);
    }
    return { outputs, done };
  }

  async run(state: State, inputs: Tensors): Promise<Record<string, Tensors[string]>> {
    if (!(state instanceof XlaState)) throw new TypeError('the state belongs to another engine');
    const { outputs, done } = this.start(state, inputs);
    await done;
    const read: Record<string, Tensors[string]> = {};
    for (const [name, buffer] of outputs) {
      read[name] = await buffer.readTensor();
      buffer.dispose();
    }
    return read;
  }

  async dispose(): Promise<void> {
    this.loaded.dispose();
  }
}

export interface PlainEngine extends Engine {
  createState(tensors: Tensors): XlaState;
  compile(graph: Graph): Promise<PlainExecutable>;
}

export function createPlainEngine(
  client: XlaClient,
  { flags = {}, lowering = {}, precision = 'f32' }: PlainOptions = {},
): PlainEngine {
  return {
    name: `xla/${client.platform}`,
    precision,
    createState(tensors) {
      const state = new XlaState(client, () => {});
      state.set(tensors);
      return state;
    },
    async compile(graph) {
      const program = lowerToStableHlo(graph, lowering);
      const loaded = await client.compile(program.text, encodeCompileOptions({ flags }));
      return new PlainExecutable(client, program, loaded);
    },
    dispose: () => Promise.resolve(),
  };
}

/** Milliseconds of each of `rounds` runs that are queued one behind the other, after one that does not count. */
export async function timeQueued(executable: PlainExecutable, state: XlaState, rounds: number): Promise<number> {
  await executable.run(state, {});
  const start = performance.now();
  let last = Promise.resolve();
  for (let i = 0; i < rounds; i++) {
    const { outputs, done } = executable.start(state, {});
    for (const buffer of outputs.values()) buffer.dispose();
    last = done;
    // Bounds what the queue holds.
    if (i % 4 === 3) await done;
  }
  await last;
  return (performance.now() - start) / rounds;
}
