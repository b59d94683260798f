/** @file Loads PJRT plugins and calls the functions of their table, through koffi. */
import { Unprocessable } from '../../../../errors.ts';
import koffi from '../../koffi.ts';

/** Address of memory or of an object that the plugin made. */
export type Address = bigint;

/** A C function `void *f(void *)`. The argument is a struct; the result is an error, or null. */
export interface NativeFunction {
  (args: Uint8Array): Address | null;
  /** Runs in another thread. The caller keeps `args`, and all memory that it points to, until the callback. */
  async(args: Uint8Array, done: (error: unknown, result: Address | null) => void): void;
}

/** RTLD_NOW | RTLD_NODELETE of Linux. */
const PIN_FLAGS = 0x1002;
/** PJRT_Api begins with its size in bytes. */
const SIZE_BYTES = 8;

/** Copies of the tables of loaded plugins, by path. */
const loaded = new Map<string, Buffer>();

/**
 * Loads a plugin, once per process.
 * @returns Its PJRT_Api: head and addresses of functions.
 * @throws Unprocessable if the file is not a plugin or lacks a library.
 */
export function loadPluginTable(path: string): Buffer {
  const known = loaded.get(path);
  if (known !== undefined) return known;
  if (process.platform !== 'linux') {
    throw new Unprocessable('plugins of XLA run on Linux only', { expected: 'Linux, or WSL2 on Windows' });
  }
  // Set before the load, this keeps errors that are handled here out of the log.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  try {
    const api = openPinned(path).func('void *GetPjrtApi()')();
    const size = Number(readMemory(api, SIZE_BYTES).readBigUInt64LE());
    const table = readMemory(api, size);
    loaded.set(path, table);
    return table;
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(`${path}: `, '');
    throw new Unprocessable(`${path} is not a usable plugin of XLA: ${reason}`, {
      expected: 'a library with GetPjrtApi, and the libraries that it needs',
      cause: error,
    });
  }
}

/**
 * koffi unloads a library when its handle is collected and when the process ends. XLA has threads, which crash then. A
 * library that is opened with RTLD_NODELETE stays.
 */
function openPinned(path: string) {
  const libc = koffi.load('libc.so.6');
  const open = libc.func('void *dlopen(const char *path, int flags)');
  // Looking a function up clears the error, so this one is looked up first.
  const lastError = libc.func('const char *dlerror()');
  if (open(path, PIN_FLAGS) === null) throw new Error(lastError() ?? 'it does not load');
  return koffi.load(path);
}

/** Loads a library that the plugin or its libraries look for by name. @throws Error if it does not load. */
export function preloadLibrary(path: string): void {
  openPinned(path);
}

const FUNCTION_TYPE = koffi.proto('void *', ['void *']);

export function functionAt(address: Address): NativeFunction {
  const native: NativeFunction = koffi.decode(address, FUNCTION_TYPE);
  return native;
}

const DELETER_TYPE = koffi.proto('void', ['void *']);

/** Calls a C function `void f(void *)` that the plugin gave for freeing an object. */
export function callDeleter(deleter: Address, object: Address): void {
  koffi.decode(deleter, DELETER_TYPE)(object);
}

/** Address of the first element. It is valid as long as the array is referenced. */
export function addressOf(array: ArrayBufferView): Address {
  // The garbage collector may move a small typed array. Reading `buffer` fixes its place.
  void array.buffer;
  return koffi.address(array);
}

/** A copy of native memory. */
export function readMemory(address: Address, bytes: number): Buffer {
  return bytes === 0 ? Buffer.alloc(0) : Buffer.from(Buffer.from(koffi.view(address, bytes)));
}
