/** @file What loaded programs and programs compiled ahead of time have in common: memory, and their bytes. */
import type { PjrtCalls } from './calls.ts';
import { type Address, callDeleter, readMemory } from './ffi.ts';
import { Struct } from './structs.ts';

/** The form of programs that the plugins take: StableHLO as text. */
const FORMAT = 'mlir';

/** @param text A StableHLO module. */
export function packProgram(text: string): Struct<'PJRT_Program'> {
  const [code, format] = [Buffer.from(text), Buffer.from(FORMAT)];
  return new Struct('PJRT_Program').set({ code, code_size: code.length, format, format_size: format.length });
}

/** Bytes on the device that a run takes, as the compiler planned them. */
export interface CompiledMemory {
  readonly arguments: number;
  readonly results: number;
  /** Bytes of results that take the memory of donated arguments. */
  readonly aliased: number;
  readonly temporaries: number;
  readonly code: number;
  /**
   * The most at any time, arguments and results included. Not in it: the CUDA context, and the workspaces of cuBLAS and
   * cuDNN.
   */
  readonly peak: number;
}

/** @param platform Name of the platform, such as "cpu". */
export function readCompiledMemory(calls: PjrtCalls, executable: Address, platform: string): CompiledMemory {
  const told = calls.call('PJRT_Executable_GetCompiledMemoryStats', { executable });
  const memory = {
    arguments: told.number('argument_size_in_bytes'),
    results: told.number('output_size_in_bytes'),
    aliased: told.number('alias_size_in_bytes'),
    temporaries: told.number('temp_size_in_bytes'),
    code: told.number('generated_code_size_in_bytes'),
  };
  const sum = memory.arguments + memory.results - memory.aliased + memory.temporaries;
  // On the CPU, the compiler's own peak leaves the temporaries out.
  const peak = platform === 'cpu' ? sum : told.number('peak_memory_in_bytes');
  return { ...memory, peak: peak > 0 ? peak : sum };
}

export function serializeExecutable(calls: PjrtCalls, executable: Address): Buffer {
  const made = calls.call('PJRT_Executable_Serialize', { executable });
  try {
    return readMemory(made.address('serialized_bytes'), made.number('serialized_bytes_size'));
  } finally {
    callDeleter(made.address('serialized_executable_deleter'), made.address('serialized_executable'));
  }
}
