/** @file Keeps compiled programs on disk: a program of thousands of nodes compiles for minutes and loads in seconds. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { identifyCpu } from '../cpu-info.ts';
import { ProgramStore } from '../program-store.ts';
import { readDriverVersion } from './nvidia.ts';
import { XlaError } from './pjrt/calls.ts';
import type { XlaClient } from './pjrt/client.ts';
import type { CompilerFlags } from './pjrt/compile-options.ts';
import type { LoadedProgram } from './pjrt/loaded-program.ts';
import { digestPlugin } from './pjrt/plugin.ts';

/** Raised when the form of a file, or the meaning of a key, changes. */
const VERSION = 1;
const SUFFIX = '.xla';
const LENGTH_BYTES = 4;

/** A program, and the choices of kernels that were measured for it. */
export interface CachedProgram {
  readonly program: LoadedProgram;
  readonly choices?: Uint8Array;
}

export interface CacheKey {
  /** A StableHLO module. */
  readonly text: string;
  /** Without paths. */
  readonly flags: CompilerFlags;
  /** Which kernels are chosen: a word, or the digest of choices. */
  readonly choices: string;
}

export class ProgramCache {
  readonly #client: XlaClient;
  readonly #store: ProgramStore;

  constructor(client: XlaClient, cacheFolder: string) {
    this.#client = client;
    this.#store = new ProgramStore(join(cacheFolder, 'programs'), SUFFIX);
  }

  /**
   * Digest of all that decides a program. The versions that plugins state do not: different builds state the same ones.
   */
  async keyOf({ text, flags, choices }: CacheKey): Promise<string> {
    const { device, platform, platformVersion, plugin } = this.#client;
    const machine = platform === 'cpu' ? identifyCpu() : [device.kind, textOf(device.attributes), readDriverVersion()];
    const parts = [VERSION, await digestPlugin(plugin), platformVersion, machine, flags, choices];
    return createHash('sha256').update(JSON.stringify(parts)).update(text).digest('hex');
  }

  /** Undefined if there is no such program, or a damaged one. */
  async read(key: string): Promise<CachedProgram | undefined> {
    const file = await this.#store.read(key);
    if (file === undefined || file.length < LENGTH_BYTES) return undefined;
    const length = Buffer.from(file.buffer, file.byteOffset).readUInt32LE();
    const choices = file.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
    try {
      const program = await this.#client.load(file.subarray(LENGTH_BYTES + length));
      return { program, ...(length > 0 && { choices }) };
    } catch (error) {
      // The caller compiles the program again and replaces the file.
      if (error instanceof XlaError) return undefined;
      throw error;
    }
  }

  async write(key: string, bytes: Uint8Array, choices: Uint8Array = new Uint8Array()): Promise<void> {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(choices.length);
    await this.#store.write(key, Buffer.concat([length, choices, bytes]));
  }
}

/** Attributes of the device as text; they hold big integers. */
function textOf(attributes: XlaClient['device']['attributes']): string {
  return JSON.stringify(attributes, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
