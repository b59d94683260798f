/** @file A program of XLA over named state. */
import type { Executable, State, Tensors } from '../../compiler/engine.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import type { StableHloProgram } from '../../compiler/targets/stablehlo/lower.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import type { XlaClient } from './pjrt/client.ts';
import type { DeviceBuffer } from './pjrt/device-buffer.ts';
import type { LoadedProgram } from './pjrt/loaded-program.ts';
import type { RunQueue } from './run-queue.ts';
import type { Device } from './shared-client.ts';
import { XlaState } from './state.ts';

export class XlaExecutable implements Executable {
  readonly peakBytes: number;
  readonly #client: XlaClient;
  readonly #queue: RunQueue;
  readonly #program: StableHloProgram;
  readonly #loaded: LoadedProgram;
  readonly #disposed: () => void;
  #isReleased = false;

  constructor(
    { client, queue }: Device,
    program: StableHloProgram,
    loaded: LoadedProgram,
    peakBytes: number,
    disposed: () => void,
  ) {
    this.#client = client;
    this.#queue = queue;
    this.#program = program;
    this.#loaded = loaded;
    this.peakBytes = peakBytes;
    this.#disposed = disposed;
  }

  /**
   * Resolves when the outputs are on the host. A program without outputs only needs to be queued; if it fails, runs and
   * reads of the state that it writes throw its error. Runs may be asked for before earlier ones have ended: they keep
   * their order.
   */
  async run(state: State, inputs: Tensors): Promise<Record<string, Tensor>> {
    if (!(state instanceof XlaState) || !state.belongsTo(this.#client)) {
      throw new GraphError('the state belongs to another engine');
    }
    for (const [name, spec] of this.#program.inputs) requireSpec(inputs[name], spec, `input "${name}"`);
    const { sent, outputs } = await this.#queue.add(() => this.#start(state, inputs));
    try {
      await Promise.all(sent);
      return await readAll(outputs);
    } finally {
      for (const buffer of outputs.values()) buffer.dispose();
    }
  }

  /** Without a pause: later runs see the new state at once. */
  #start(state: XlaState, inputs: Tensors) {
    if (this.#isReleased) throw new GraphError('the program was disposed of');
    const { arguments: places, results: ends } = this.#program;
    const fed: DeviceBuffer[] = [];
    const sent: Promise<void>[] = [];
    try {
      const args = places.map(({ kind, name, spec }) => {
        if (kind === 'state') return state.require(name, spec);
        const feed = this.#client.feed(requireSpec(inputs[name], spec, `input "${name}"`));
        fed.push(feed.buffer);
        sent.push(feed.sent);
        return feed.buffer;
      });
      const { results, done } = this.#queueRun(state, args);
      const outputs = new Map<string, DeviceBuffer>();
      for (const [i, { kind, name }] of ends.entries()) {
        const result = results[i];
        if (result === undefined) continue;
        if (kind === 'write') state.replace(name, result);
        else outputs.set(name, result);
      }
      return { sent, outputs, done };
    } finally {
      // The runtime keeps them until the program has run.
      for (const buffer of fed) buffer.dispose();
    }
  }

  #queueRun(state: XlaState, args: readonly DeviceBuffer[]) {
    try {
      return this.#loaded.run(
        args,
        this.#program.results.map(({ spec }) => spec),
      );
    } catch (error) {
      state.dropDonated();
      throw error;
    }
  }

  async dispose(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await this.#queue.drain();
    this.#loaded.dispose();
    this.#disposed();
  }
}

async function readAll(buffers: ReadonlyMap<string, DeviceBuffer>): Promise<Record<string, Tensor>> {
  const copies = [...buffers].map(async ([name, buffer]) => [name, await buffer.readTensor()] as const);
  return Object.fromEntries(await Promise.all(copies));
}
