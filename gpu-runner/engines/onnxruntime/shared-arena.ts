/**
 * @file One arena for the values of all sessions of the process, by ONNX Runtime's C API (onnxruntime_c_api.h, 1.30).
 * The Node binding gives each session an arena of its own, which keeps the most that the session ever used: a training
 * would hold the memory of each of its programs at the same time.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi from '../koffi.ts';

/** Beside the binding, which has loaded this file. Elsewhere its name is not certain. */
const LIBRARY = 'libonnxruntime.so.1';
/** The first version of the API with the functions below. Their places are the same in every later one. */
const API_VERSION = 8;
/** Places of functions in the struct OrtApi. */
const PLACES = { getErrorMessage: 2, createEnv: 3, createCpuMemoryInfo: 69, registerAllocator: 144 } as const;
const POINTER_BYTES = 8;
const OUT = '_Out_ void**';
/** ORT_LOGGING_LEVEL_ERROR, OrtArenaAllocator, OrtMemTypeDefault */
const [LOG_ERRORS, ARENA, DEFAULT_MEMORY] = [3, 1, 0] as const;

/** Sessions with these options take their memory from the arena that {@link shareArena} has made. */
export const SHARED_ARENA_OPTIONS = { session: { use_env_allocators: '1' } } as const;

let shared: boolean | undefined;

/** Makes the arena once per process. False where it cannot be made: each session then has its own. */
export function shareArena(): boolean {
  shared ??= makeArena();
  return shared;
}

function makeArena(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    registerArena();
    return true;
  } catch {
    // The arena only saves memory.
    return false;
  }
}

function registerArena(): void {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const folder = join(dirname(main), '../bin/napi-v6', process.platform, process.arch);
  const library = koffi.load(join(folder, LIBRARY));
  const base: unknown = library.func('void* OrtGetApiBase()')();
  const api: unknown = call(at(base, 0), 'void*', ['uint32_t', API_VERSION]);
  const invoke = (name: keyof typeof PLACES, ...values: readonly [string, unknown][]) =>
    check(api, call(at(api, PLACES[name]), 'void*', ...values));
  const made = (create: (out: unknown[]) => void) => {
    const out: unknown[] = [null];
    create(out);
    return out[0];
  };
  // The process has one environment, that of the binding. It is never released, since sessions may outlive this module.
  const env = made(out => invoke('createEnv', ['int', LOG_ERRORS], ['const char*', 'easel'], [OUT, out]));
  const memory = made(out => invoke('createCpuMemoryInfo', ['int', ARENA], ['int', DEFAULT_MEMORY], [OUT, out]));
  invoke('registerAllocator', ['void*', env], ['void*', memory], ['void*', null]);
}

const at = (table: unknown, place: number): unknown => koffi.decode(table, POINTER_BYTES * place, 'void*');

function call(pointer: unknown, result: string, ...values: readonly [type: string, value: unknown][]): unknown {
  const types = values.map(([type]) => type).join(', ');
  return koffi.call(pointer, koffi.proto(`${result} (${types})`), ...values.map(([, value]) => value));
}

/** @throws Error with ONNX Runtime's message if the call failed. */
function check(api: unknown, status: unknown): void {
  if (status === null) return;
  const message = call(at(api, PLACES.getErrorMessage), 'const char*', ['void*', status]);
  throw new Error(String(message));
}
