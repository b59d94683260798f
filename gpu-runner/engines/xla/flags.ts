/** @file Flags of XLA for a platform and a promise of equal bits. */

import type { XlaPlatform } from './library.ts';
import type { CompilerFlags } from './pjrt/compile-options.ts';

/**
 * How XLA chooses among kernels for a GPU. `default`: by rules, without measuring; equal in every process. `measured`:
 * by measuring, which may choose otherwise in every process. `recorded`: as a file says, which an earlier process
 * measured.
 */
export type Choices =
  | { readonly by: 'default' }
  | { readonly by: 'measured'; readonly recordTo?: string }
  | { readonly by: 'recorded'; readonly from: string };

export interface FlagSettings {
  readonly platform: XlaPlatform;
  /** Equal programs give equal bits in every run. */
  readonly deterministic: boolean;
  readonly choices: Choices;
  /** Joins operations into loops; default true. False is slower, and no bit depends on what is joined. */
  readonly fuses?: boolean | undefined;
  /** Folder with ptxas and libdevice. */
  readonly cudaTools?: string | undefined;
}

export function flagsFor({ platform, deterministic, choices, cudaTools, fuses = true }: FlagSettings): CompilerFlags {
  return {
    // Otherwise XLA leaves out a rounding to bf16 where it can, and a recomputed value differs from a kept one.
    ...(deterministic && { xla_allow_excess_precision: false }),
    ...(!fuses && { xla_disable_hlo_passes: 'fusion' }),
    ...(platform === 'cuda' && {
      ...(cudaTools !== undefined && { xla_gpu_cuda_data_dir: cudaTools }),
      // No sums by atomics, whose order varies.
      ...(deterministic && { xla_gpu_exclude_nondeterministic_ops: true }),
      ...flagsOfChoices(choices, deterministic),
    }),
  };
}

function flagsOfChoices(choices: Choices, deterministic: boolean): CompilerFlags {
  switch (choices.by) {
    case 'default':
      return {
        xla_gpu_autotune_level: 0,
        // The default tiles of these kernels split sums, which is not deterministic.
        ...(deterministic && { xla_gpu_enable_triton_gemm: false }),
      };
    case 'measured':
      return choices.recordTo === undefined ? {} : { xla_gpu_dump_autotune_results_to: choices.recordTo };
    case 'recorded':
      return {
        xla_gpu_load_autotune_results_from: choices.from,
        xla_gpu_require_complete_aot_autotune_results: true,
      };
  }
}
