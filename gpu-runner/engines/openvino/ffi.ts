/** @file The part of OpenVINO's C API (openvino/c/*.h, 2026.4) that the engine calls, through koffi. */

import { Internal } from '../../../errors.ts';
import type { DType, Tensor } from '../../compiler/tensor.ts';
import type { OperationTime } from '../kind-profile.ts';
import koffi, { type LibraryHandle } from '../koffi.ts';

/** Address of an object that the library made. The holder frees it. */
export type Handle = bigint;

/** A failed call, with OpenVINO's message. */
export class OpenVinoError extends Internal {}

type TypeSpec = Parameters<typeof koffi.sizeof>[0];

/** ov_element_type_e */
const ELEMENT_TYPES: Readonly<Record<DType, number>> = { bool: 1, bf16: 2, f16: 3, f32: 4, i32: 9 };
/** ov_status_e: OK */
const OK = 0;

/** Status EXECUTED of ov_profiling_info_t. */
const EXECUTED = 2;
const US_PER_MS = 1000;

export interface OpenVino {
  /** "2026.4.1". */
  readonly version: string;
  createCore(): Handle;
  freeCore(core: Handle): void;
  /** @param model ONNX bytes. */
  readModel(core: Handle, model: Uint8Array): Handle;
  freeModel(model: Handle): void;
  compileModel(core: Handle, model: Handle, device: string, properties: Readonly<Record<string, string>>): Handle;
  freeCompiledModel(compiled: Handle): void;
  createInferRequest(compiled: Handle): Handle;
  freeInferRequest(request: Handle): void;
  /** Wraps the memory of the tensor, which must outlive the handle. */
  wrapTensor(tensor: Tensor): Handle;
  freeTensor(tensor: Handle): void;
  setInput(request: Handle, index: number, tensor: Handle): void;
  setOutput(request: Handle, index: number, tensor: Handle): void;
  /** Blocks until the outputs are written. */
  infer(request: Handle): void;
  /** Operations with their mean time over all runs. The model must be compiled with PERF_COUNT. */
  readProfile(request: Handle): OperationTime[];
  /** Reads a property of a device, such as FULL_DEVICE_NAME. */
  readProperty(core: Handle, device: string, key: string): string;
}

/** The fields of ov_profiling_info_t that are read; times in microseconds. */
interface OperationInfo {
  readonly status: number;
  readonly real_time: number | bigint;
  readonly node_type: string;
}

/** M_MMAP_THRESHOLD of malloc.h. */
const MMAP_THRESHOLD = -3;
/** Bytes from which a block has a mapping of its own: glibc's initial value. */
const LEAST_MAPPED_BYTES = 128 * 1024;

let isDone = false;

/**
 * Blocks of 128 KiB and more get mappings of their own, in the whole process. glibc does so at first, but each free of
 * such a block raises its limit, up to 32 MiB. Then large blocks lie in a heap, between small ones that stay, and their
 * memory does not return to the system. Does nothing on other systems, or if the environment sets the limit
 * (MALLOC_MMAP_THRESHOLD_).
 */
export function returnFreedMemory(env: Readonly<Record<string, string | undefined>> = process.env): void {
  if (isDone || process.platform !== 'linux' || env.MALLOC_MMAP_THRESHOLD_ !== undefined) return;
  isDone = true;
  try {
    koffi.load('libc.so.6').func('mallopt', 'int', ['int', 'int'])(MMAP_THRESHOLD, LEAST_MAPPED_BYTES);
  } catch {
    // A C library without mallopt, such as musl, needs no such setting.
  }
}

const loaded = new Map<string, OpenVino>();

/** Loads the library once per process. @throws OpenVinoError if it does not load. Every method throws it, too. */
export function loadOpenVino(path: string): OpenVino {
  const known = loaded.get(path);
  if (known) return known;
  // OpenVINO allocates all inputs and outputs of a program itself, twice, until a run sets ours.
  returnFreedMemory();
  const api = bindLibrary(path);
  loaded.set(path, api);
  return api;
}

function bindLibrary(path: string): OpenVino {
  const library = openLibrary(path);
  const object = 'void *';
  const made = koffi.out(koffi.pointer(object));
  const freeText = library.func('ov_free', 'void', [object]);
  const text = koffi.disposable('str', freeText);
  const shape = koffi.struct({ rank: 'int64_t', dims: 'int64_t *' });
  const version = koffi.struct({ buildNumber: 'const char *', description: 'const char *' });
  const operationInfo = koffi.struct({
    status: 'int',
    real_time: 'int64_t',
    cpu_time: 'int64_t',
    node_name: 'const char *',
    exec_type: 'const char *',
    node_type: 'const char *',
  });
  const operationList = koffi.struct({ profiling_infos: object, size: 'size_t' });
  const lastError = library.func('ov_get_last_err_msg', text, []);

  /** Declares a function that returns ov_status_e. A status other than OK becomes an error. */
  function declare(name: string, parameters: TypeSpec[]): (...values: unknown[]) => void {
    const native = library.func(name, 'int', parameters);
    return (...values) => {
      const status: unknown = native(...values);
      if (status !== OK) throw new OpenVinoError(`${name}: ${describe(lastError(), status)}`);
    };
  }
  function declareMaker(name: string, parameters: TypeSpec[]): (...values: unknown[]) => Handle {
    const call = declare(name, [...parameters, made]);
    return (...values) => {
      const result: unknown[] = [null];
      call(...values, result);
      return requireHandle(name, result[0]);
    };
  }
  const declareFree = (name: string): ((handle: Handle) => void) => library.func(name, 'void', [object]);

  const compile = declare('ov_core_compile_model', [object, object, 'str', 'size_t', made, '...']);
  const readModel = declareMaker('ov_core_read_model_from_memory_buffer', [object, object, 'size_t', object]);
  const wrap = declareMaker('ov_tensor_create_from_host_ptr', ['int', shape, object]);
  const property = declare('ov_core_get_property', [object, 'str', 'str', koffi.out(koffi.pointer(text))]);
  const getProfile = declare('ov_infer_request_get_profiling_info', [object, koffi.out(koffi.pointer(operationList))]);
  const freeProfile = library.func('ov_profiling_info_list_free', 'void', [koffi.inout(koffi.pointer(operationList))]);
  const getVersion = declare('ov_get_openvino_version', [koffi.out(koffi.pointer(version))]);

  const numbers = { buildNumber: '' };
  getVersion(numbers);
  return {
    version: numbers.buildNumber.split('-')[0] ?? '',
    createCore: declareMaker('ov_core_create', []),
    freeCore: declareFree('ov_core_free'),
    readModel: (core, model) => readModel(core, model, model.byteLength, null),
    freeModel: declareFree('ov_model_free'),
    compileModel(core, model, device, properties) {
      const compiled: unknown[] = [null];
      const pairs = Object.entries(properties).flat();
      compile(core, model, device, pairs.length, compiled, ...pairs.flatMap(each => ['str', each]));
      return requireHandle('ov_core_compile_model', compiled[0]);
    },
    freeCompiledModel: declareFree('ov_compiled_model_free'),
    createInferRequest: declareMaker('ov_compiled_model_create_infer_request', [object]),
    freeInferRequest: declareFree('ov_infer_request_free'),
    wrapTensor({ shape: sizes, dtype, data }) {
      // The garbage collector may move a small typed array. Reading `buffer` fixes its place.
      void data.buffer;
      const dims = BigInt64Array.from(sizes.length === 0 ? [0] : sizes, BigInt);
      return wrap(ELEMENT_TYPES[dtype], { rank: sizes.length, dims }, data);
    },
    freeTensor: declareFree('ov_tensor_free'),
    setInput: declare('ov_infer_request_set_input_tensor_by_index', [object, 'size_t', object]),
    setOutput: declare('ov_infer_request_set_output_tensor_by_index', [object, 'size_t', object]),
    infer: declare('ov_infer_request_infer', [object]),
    readProfile(request) {
      const list = { profiling_infos: 0n, size: 0 };
      getProfile(request, list);
      try {
        const infos: OperationInfo[] = koffi.decode(list.profiling_infos, koffi.array(operationInfo, list.size));
        return infos
          .filter(({ status }) => status === EXECUTED)
          .map(({ node_type, real_time }) => ({ kind: node_type, ms: Number(real_time) / US_PER_MS }));
      } finally {
        freeProfile(list);
      }
    },
    readProperty(core, device, key) {
      const value: unknown[] = [null];
      property(core, device, key, value);
      return String(value[0]);
    },
  };
}

function openLibrary(path: string): LibraryHandle {
  try {
    return koffi.load(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OpenVinoError(`${path} does not load: ${reason}`, {
      hint: 'OPENVINO_LIB names another library; `easel engines install openvino` installs the tested one',
      cause: error,
    });
  }
}

/** OpenVINO's message without positions in its source. */
function describe(message: unknown, status: unknown): string {
  const lines = String(message ?? '').split('\n');
  const told = lines.map(line => line.trim()).filter(line => line !== '' && !line.startsWith('Exception from'));
  return `${told.join(' ') || 'no message'} (status ${String(status)})`;
}

function requireHandle(name: string, value: unknown): Handle {
  if (typeof value !== 'bigint' || value === 0n) throw new OpenVinoError(`${name} returned no object`);
  return value;
}
