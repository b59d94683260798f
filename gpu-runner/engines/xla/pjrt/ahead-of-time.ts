/**
 * @file Compiles programs for a device that this machine does not have. For CUDA it needs the plugin, ptxas, nvlink and
 * libdevice, but no GPU and no driver.
 */
import { type CompileOptions, encodeCompileOptions } from './compile-options.ts';
import { type CompiledMemory, packProgram, readCompiledMemory, serializeExecutable } from './executables.ts';
import { packNamedValues } from './named-values.ts';
import type { PjrtPlugin } from './plugin.ts';

export interface Target {
  /** GpuTargetConfigProto as text: all that the compiler must know of the device. */
  readonly config: string;
  /** Partitions, hosts and devices; default "1x1x1". */
  readonly topology?: string;
}

/** A program for another device. */
export interface ForeignProgram {
  readonly memory: CompiledMemory;
  /** Bytes that a client on such a device loads. */
  readonly bytes: Buffer;
}

/** @param text A StableHLO module. @throws XlaError if XLA does not accept the text or the target. */
export async function compileFor(
  plugin: PjrtPlugin,
  target: Target,
  text: string,
  options: CompileOptions = {},
): Promise<ForeignProgram> {
  const { calls } = plugin;
  const named = packNamedValues({ target_config: target.config, topology: target.topology ?? '1x1x1' });
  const name = Buffer.from('\0');
  const topology = calls
    .call('PJRT_TopologyDescription_Create', {
      topology_name: name,
      topology_name_size: 0,
      create_options: named,
      num_options: 2,
    })
    .address('topology');
  try {
    const bytes = encodeCompileOptions(options);
    const made = await calls.callAsync('PJRT_Compile', {
      topology,
      program: packProgram(text),
      compile_options: bytes,
      compile_options_size: bytes.length,
    });
    const executable = made.address('executable');
    try {
      const platform = calls
        .call('PJRT_TopologyDescription_PlatformName', { topology })
        .text('platform_name', 'platform_name_size');
      return {
        memory: readCompiledMemory(calls, executable, platform),
        bytes: serializeExecutable(calls, executable),
      };
    } finally {
      calls.call('PJRT_Executable_Destroy', { executable });
    }
  } finally {
    calls.call('PJRT_TopologyDescription_Destroy', { topology });
  }
}
