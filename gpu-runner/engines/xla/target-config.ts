/** @file The text by which XLA's compiler knows a card that is not in this machine: GpuTargetConfigProto. */
import type { Card } from '../../../configs/cards.ts';

/** Limits of a streaming multiprocessor, from NVIDIA's programming guide. Bytes, threads and blocks. */
const CORES: Readonly<
  Record<
    Card['capability'],
    { readonly threads: number; readonly shared: number; readonly blocks: number; readonly features?: string }
  >
> = {
  '8.6': { threads: 1536, shared: 102_400, blocks: 16 },
  '8.9': { threads: 1536, shared: 102_400, blocks: 24 },
  '9.0': { threads: 2048, shared: 233_472, blocks: 32, features: 'ACCELERATED_FEATURES' },
  '12.0': { threads: 1536, shared: 102_400, blocks: 24, features: 'ACCELERATED_FEATURES' },
};
/** Shared memory that the driver keeps for each block. */
const RESERVED_SHARED = 1024;

export function targetConfigOf(card: Card): string {
  const { threads, shared, blocks, features } = CORES[card.capability];
  const [major, minor] = card.capability.split('.');
  const capability = [`major: ${major}`, `minor: ${minor}`, ...(features ? [`feature_extension: ${features}`] : [])];
  const info = [
    'threads_per_block_limit: 1024',
    'threads_per_warp: 32',
    'shared_memory_per_block: 49152',
    `shared_memory_per_core: ${shared}`,
    `threads_per_core_limit: ${threads}`,
    `core_count: ${card.cores}`,
    'fpus_per_core: 128',
    'block_dim_limit_x: 2147483647',
    'block_dim_limit_y: 65535',
    'block_dim_limit_z: 65535',
    'thread_dim_limit_x: 1024',
    'thread_dim_limit_y: 1024',
    'thread_dim_limit_z: 64',
    `memory_bandwidth: ${card.bandwidth * 1e9}`,
    `l2_cache_size: ${card.l2MiB * 2 ** 20}`,
    `clock_rate_ghz: ${card.clock}`,
    `device_memory_size: ${card.memoryMiB * 2 ** 20}`,
    `shared_memory_per_block_optin: ${shared - RESERVED_SHARED}`,
    `reserved_shared_memory_per_block: ${RESERVED_SHARED}`,
    `max_blocks_per_multiprocessor: ${blocks}`,
    `cuda_compute_capability { ${capability.join(' ')} }`,
    'registers_per_core_limit: 65536',
    'registers_per_block_limit: 65536',
    'driver_version: "13.0.0"',
    'runtime_version: "13.0.0"',
    'compile_time_toolkit_version: "13.0.0"',
    'dnn_version: "9.12.0"',
    'device_vendor: "NVIDIA Corporation"',
    `name: "${card.name}"`,
    'platform_version: "13000"',
    'device_address_bits: 64',
    'pcie_bandwidth: 32000000000',
  ];
  return [
    'platform_name: "CUDA"',
    `device_description_str: "${card.name}"`,
    'runtime_version { major: 13 }',
    `gpu_device_info {\n${info.map(line => `  ${line}`).join('\n')}\n}`,
  ].join('\n');
}
