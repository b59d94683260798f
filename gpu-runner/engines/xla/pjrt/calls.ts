/** @file Calls of a plugin's functions: errors become exceptions, and memory lives until an asynchronous call ends. */
import { Internal, OutOfMemory, Unprocessable } from '../../../../errors.ts';
import { type Address, functionAt, loadPluginTable, type NativeFunction } from './ffi.ts';
import { type ArgsOf, argsOf, ERROR_CODES, type FieldValues, type FunctionName, offsetOf, Struct } from './structs.ts';

/** The offset of the version in the table: behind size and extensions, which two structs have in front. */
const VERSION_AT = { major: 32, minor: 36 } as const;

export type ErrorCode = keyof typeof ERROR_CODES extends `PJRT_Error_Code_${infer Code}` ? Code : never;

const CODE_NAMES = new Map<number, ErrorCode>(
  Object.entries(ERROR_CODES).map(([name, code]) => [code, name.replace('PJRT_Error_Code_', '') as ErrorCode]),
);

/** A call that the plugin refused or that failed, with the plugin's message. */
export class XlaError extends Internal {
  readonly reason: ErrorCode;

  constructor(call: string, reason: ErrorCode, message: string) {
    super(`${call}: ${message} (${reason})`);
    this.reason = reason;
  }
}

/** The device has no memory left for a program or a tensor. */
export class DeviceMemoryExhausted extends OutOfMemory {}

/** The functions of one plugin. Every struct that is passed in, and all that it points to, outlives the call. */
export class PjrtCalls {
  readonly version: { readonly major: number; readonly minor: number };
  readonly #table: Buffer;
  readonly #functions = new Map<FunctionName, NativeFunction>();
  /** Memory that other threads use: koffi does not keep it. */
  readonly #pending = new Set<object>();

  /** @throws Unprocessable if the file is not a plugin. */
  constructor(path: string) {
    this.#table = loadPluginTable(path);
    this.version = {
      major: this.#table.readInt32LE(VERSION_AT.major),
      minor: this.#table.readInt32LE(VERSION_AT.minor),
    };
    this.call('PJRT_Plugin_Initialize', {});
  }

  /** Whether the plugin is new enough for a function. */
  has(name: FunctionName): boolean {
    const at = offsetOf(name);
    return at + 8 <= this.#table.length && this.#table.readBigUInt64LE(at) !== 0n;
  }

  /** @returns The struct, with the fields that the call has filled. @throws XlaError, DeviceMemoryExhausted. */
  call<F extends FunctionName>(name: F, values: FieldValues<ArgsOf<F>>): Struct<ArgsOf<F>> {
    const args = new Struct(argsOf(name)).set(values);
    this.#requireSuccess(name, this.#function(name)(args.bytes));
    return args;
  }

  /** As {@link call}, in another thread. */
  callAsync<F extends FunctionName>(name: F, values: FieldValues<ArgsOf<F>>): Promise<Struct<ArgsOf<F>>> {
    const args = new Struct(argsOf(name)).set(values);
    const native = this.#function(name);
    this.#pending.add(args);
    return new Promise((resolve, reject) => {
      native.async(args.bytes, (failure, result) => {
        this.#pending.delete(args);
        try {
          if (failure) throw failure;
          this.#requireSuccess(name, result);
          resolve(args);
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /**
   * Waits for an event without blocking the thread, and destroys it.
   * @param kept Memory that the awaited operation reads or writes. @throws the error of the awaited operation.
   */
  async awaitEvent(event: Address, kept: object = this): Promise<void> {
    this.#pending.add(kept);
    try {
      // An event that has happened is not worth a turn of another thread.
      const isReady = this.call('PJRT_Event_IsReady', { event }).number('is_ready') !== 0;
      if (isReady) this.call('PJRT_Event_Await', { event });
      else await this.callAsync('PJRT_Event_Await', { event });
    } finally {
      this.#pending.delete(kept);
      this.call('PJRT_Event_Destroy', { event });
    }
  }

  #function(name: FunctionName): NativeFunction {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    if (!this.has(name)) {
      const { major, minor } = this.version;
      throw new Unprocessable(`this plugin of XLA (PJRT ${major}.${minor}) has no ${name}`, {
        expected: 'the plugin that `easel engines install` installs, or a newer one',
      });
    }
    const made = functionAt(this.#table.readBigUInt64LE(offsetOf(name)));
    this.#functions.set(name, made);
    return made;
  }

  #requireSuccess(name: FunctionName, error: Address | null): void {
    if (error === null || error === 0n) return;
    // These two have no result, so they bypass `call`.
    const told = new Struct('PJRT_Error_Message_Args').set({ error });
    this.#function('PJRT_Error_Message')(told.bytes);
    const message = shorten(told.text('message', 'message_size'));
    const code = new Struct('PJRT_Error_GetCode_Args').set({ error });
    this.#function('PJRT_Error_GetCode')(code.bytes);
    const reason = CODE_NAMES.get(code.number('code')) ?? 'UNKNOWN';
    this.#function('PJRT_Error_Destroy')(new Struct('PJRT_Error_Destroy_Args').set({ error }).bytes);
    if (reason === 'RESOURCE_EXHAUSTED') {
      throw new DeviceMemoryExhausted(`the device has too little memory: ${message}`, {
        expected: 'a smaller micro-batch, gradient checkpointing, or no other program on the device',
      });
    }
    throw new XlaError(name.replace('PJRT_', ''), reason, message);
  }
}

/** The message without positions in XLA's source. */
function shorten(message: string): string {
  return message.split('=== Source Location Trace')[0]?.trim() ?? message;
}
