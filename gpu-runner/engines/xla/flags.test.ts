import { expect, it } from 'vitest';
import { flagsFor } from './flags.ts';

it('the CPU is told to keep roundings to bf16, unless equal bits are not asked for', () => {
  const choices = { by: 'default' } as const;
  expect(flagsFor({ platform: 'cpu', deterministic: true, choices })).toEqual({ xla_allow_excess_precision: false });
  expect(flagsFor({ platform: 'cpu', deterministic: false, choices })).toEqual({});
});

const cuda = { platform: 'cuda', cudaTools: '/cuda' } as const;
const SAME_BITS = { xla_allow_excess_precision: false, xla_gpu_exclude_nondeterministic_ops: true };

it('a GPU without choices of kernels measures only if equal bits are not asked for', () => {
  const choices = { by: 'default' } as const;
  expect(flagsFor({ ...cuda, deterministic: true, choices })).toEqual({
    ...SAME_BITS,
    xla_gpu_cuda_data_dir: '/cuda',
    xla_gpu_autotune_level: 0,
    xla_gpu_enable_triton_gemm: false,
  });
  expect(flagsFor({ ...cuda, deterministic: false, choices: { by: 'measured' } })).toEqual({
    xla_gpu_cuda_data_dir: '/cuda',
  });
});

it('a GPU records the kernels that it measures, and later takes them all from the record', () => {
  const recorded = flagsFor({ ...cuda, deterministic: true, choices: { by: 'measured', recordTo: '/a.txt' } });
  expect(recorded).toEqual({
    ...SAME_BITS,
    xla_gpu_cuda_data_dir: '/cuda',
    xla_gpu_dump_autotune_results_to: '/a.txt',
  });
  expect(flagsFor({ ...cuda, deterministic: true, choices: { by: 'recorded', from: '/a.txt' } })).toEqual({
    ...SAME_BITS,
    xla_gpu_cuda_data_dir: '/cuda',
    xla_gpu_load_autotune_results_from: '/a.txt',
    xla_gpu_require_complete_aot_autotune_results: true,
  });
});
