/** @file Compiles programs for one engine: from the disk, in this process, or in a process of its own. */
import { createHash } from 'node:crypto';
import { joinChoices } from './autotune.ts';
import { compileApart } from './compile-apart.ts';
import { type FlagSettings, flagsFor } from './flags.ts';
import type { XlaClient } from './pjrt/client.ts';
import { encodeCompileOptions } from './pjrt/compile-options.ts';
import type { LoadedProgram } from './pjrt/loaded-program.ts';
import { type CachedProgram, ProgramCache } from './program-cache.ts';
import type { ClientSettings } from './shared-client.ts';

export interface CompilerOptions {
  readonly client: XlaClient;
  readonly settings: ClientSettings;
  readonly flags: Omit<FlagSettings, 'choices'>;
  /** Compiles in a process of its own, so that no program depends on those compiled before it. */
  readonly apart: boolean;
  /** Kernels that an earlier process measured. */
  readonly autotune?: Uint8Array | undefined;
  /** Measures kernels, and keeps what was chosen. */
  readonly records: boolean;
  /** Folder that keeps compiled programs; absent: none are kept. */
  readonly cacheFolder?: string | undefined;
}

/** Programs with less text compile faster in this process than a lookup takes. */
const SMALLEST_CACHED = 32 * 1024;

export class Compiler {
  readonly #options: CompilerOptions;
  readonly #cache: ProgramCache | undefined;
  readonly #measured: Uint8Array[] = [];

  constructor(options: CompilerOptions) {
    this.#options = options;
    this.#cache = options.cacheFolder === undefined ? undefined : new ProgramCache(options.client, options.cacheFolder);
  }

  /** @param text A StableHLO module. @throws XlaError, or Unprocessable with the message of another process. */
  async load(text: string): Promise<LoadedProgram> {
    const { program, choices } = await this.#find(text);
    if (choices !== undefined) this.#measured.push(choices);
    return program;
  }

  /** Choices of kernels for all programs that were loaded; undefined if nothing was measured. */
  readChoices(): Uint8Array | undefined {
    return joinChoices(this.#measured);
  }

  async #find(text: string): Promise<CachedProgram> {
    const { apart, flags } = this.#options;
    const cache = apart || text.length >= SMALLEST_CACHED ? this.#cache : undefined;
    if (cache === undefined) return this.#compile(text);
    // Paths do not decide the program. Choices have a name of their own.
    const plain = flagsFor({ ...flags, choices: { by: 'default' }, cudaTools: undefined });
    const key = await cache.keyOf({ text, flags: plain, choices: this.#nameChoices() });
    return (await cache.read(key)) ?? (await this.#compile(text, (...made) => cache.write(key, ...made)));
  }

  async #compile(
    text: string,
    keep?: (bytes: Uint8Array, choices?: Uint8Array) => Promise<void>,
  ): Promise<CachedProgram> {
    const { client, settings, flags, apart, records, autotune } = this.#options;
    const { deterministic } = flags;
    if (!apart) {
      const all = flagsFor({ ...flags, choices: { by: deterministic ? 'default' : 'measured' } });
      const program = await client.compile(text, encodeCompileOptions({ flags: all }));
      if (keep !== undefined) await keep(program.serialize());
      return { program };
    }
    const given = autotune ?? (deterministic ? undefined : 'measure');
    const { bytes, choices } = await compileApart(text, { settings, flags, choices: records ? 'record' : given });
    await keep?.(bytes, choices);
    return { program: await client.load(bytes), ...(choices && { choices }) };
  }

  #nameChoices(): string {
    const { flags, records, autotune } = this.#options;
    if (records) return 'recorded';
    if (autotune !== undefined) return createHash('sha256').update(autotune).digest('hex');
    return flags.deterministic ? 'default' : 'measured';
  }
}
