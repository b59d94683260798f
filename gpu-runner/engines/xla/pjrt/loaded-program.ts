/** @file A compiled program on a device. */
import { Internal } from '../../../../errors.ts';
import type { TensorSpec } from '../../../compiler/tensor.ts';
import type { ClientParts } from './client-parts.ts';
import { DeviceBuffer } from './device-buffer.ts';
import { type CompiledMemory, readCompiledMemory, serializeExecutable } from './executables.ts';
import type { Address } from './ffi.ts';
import { pointTo, Struct } from './structs.ts';

/** A program in progress. */
export interface ProgramRun {
  /** Tensors that the program makes. They can be read, and be arguments of other programs, at once. */
  readonly results: readonly DeviceBuffer[];
  /** Resolves when the program has run. @throws the error of the program. */
  readonly done: Promise<void>;
}

export class LoadedProgram {
  readonly #owner: ClientParts;
  #handle: Address | undefined;

  constructor(owner: ClientParts, handle: Address) {
    this.#owner = owner;
    this.#handle = handle;
    owner.programs.add(this);
  }

  /**
   * Queues the program and returns at once. XLA checks arguments by their size in bytes only: the caller checks shapes
   * and types. If it throws, donated arguments still live, unless the device had too little memory.
   * @param specs Types of the results, in order.
   */
  run(args: readonly DeviceBuffer[], specs: readonly TensorSpec[]): ProgramRun {
    // An empty array has no address, so each has at least one element.
    const inputs = BigUint64Array.from(args.length === 0 ? [0n] : args.map(({ handle }) => handle));
    const outputs = new BigUint64Array(Math.max(1, specs.length));
    const events = new BigUint64Array(1);
    this.#owner.calls.call('PJRT_LoadedExecutable_Execute', {
      executable: this.#require(),
      options: new Struct('PJRT_ExecuteOptions'),
      // One row per device.
      argument_lists: pointTo(inputs),
      output_lists: pointTo(outputs),
      device_complete_events: events,
      num_devices: 1,
      num_args: args.length,
    });
    const results = specs.map((spec, i) => new DeviceBuffer(this.#owner, outputs[i] ?? 0n, spec));
    return { results, done: this.#owner.track(events[0] ?? 0n) };
  }

  /** Memory that a run takes, as the compiler planned it. */
  get memory(): CompiledMemory {
    return this.#useExecutable(executable => readCompiledMemory(this.#owner.calls, executable, this.#owner.platform));
  }

  /** Bytes that a client with an equal plugin loads on an equal device. */
  serialize(): Buffer {
    return this.#useExecutable(executable => serializeExecutable(this.#owner.calls, executable));
  }

  dispose(): void {
    if (this.#handle === undefined) return;
    this.#owner.calls.call('PJRT_LoadedExecutable_Destroy', { executable: this.#handle });
    this.#handle = undefined;
    this.#owner.programs.delete(this);
  }

  #require(): Address {
    if (this.#handle === undefined) throw new Internal('a program was used after it was freed');
    return this.#handle;
  }

  #useExecutable<T>(use: (executable: Address) => T): T {
    const { calls } = this.#owner;
    const executable = calls
      .call('PJRT_LoadedExecutable_GetExecutable', { loaded_executable: this.#require() })
      .address('executable');
    try {
      return use(executable);
    } finally {
      calls.call('PJRT_Executable_Destroy', { executable });
    }
  }
}
