import { describe, expect, it } from 'vitest';
import { dataSchema } from '../../configs/schema.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import { parseDigest } from '../../storage/digest.ts';
import {
  listEngineDifferences,
  resolveEngine,
  resolvePlan,
  trainingEngineRequestSchema,
  wantsTuning,
} from './resolve-engine.ts';

function statusOf(engines: RunnerStatus['engines']): RunnerStatus {
  const idle = { uptime: 1, heartbeat_age_ms: 1, running: null, queued: 0, finished: 0, stopping: false };
  return { v: 1, pid: 1, device: 'cpu', ...idle, engines };
}

const both = statusOf([
  { name: 'onnxruntime/cpu', available: true, threads: 4 },
  { name: 'openvino/cpu', available: true, threads: 4, precisions: ['bf16', 'f32'] },
]);

describe('resolveEngine', () => {
  it('takes OpenVINO for auto when it is there, else ONNX Runtime, with the threads that the runner measured', () => {
    const spec = { name: 'openvino/cpu', precision: 'bf16', threads: 4 };
    expect(resolveEngine(both, 'auto')).toEqual(spec);
    const [onnxruntime, openvino] = both.engines;
    const missing = statusOf([...(onnxruntime ? [onnxruntime] : []), { name: 'openvino/cpu', available: false }]);
    expect(resolveEngine(missing, 'auto')).toEqual({ ...spec, name: 'onnxruntime/cpu', precision: 'f32' });
    const withoutBf16 = statusOf([...(openvino ? [{ ...openvino, precisions: ['f32' as const] }] : [])]);
    expect(resolveEngine(withoutBf16, 'auto')).toEqual({ ...spec, precision: 'f32' });
  });

  it('takes the names of the original project, and names the engines that have a precision', () => {
    const parse = (request: object) => resolveEngine(both, trainingEngineRequestSchema.parse(request));
    expect(parse({ mixed_precision: 'fp32' })).toMatchObject({ name: 'openvino/cpu', precision: 'f32' });
    expect(parse({ mixed_precision: 'bf16' })).toMatchObject({ name: 'openvino/cpu', precision: 'bf16' });
    const wrong = trainingEngineRequestSchema.safeParse({ precision: 'f32', mixed_precision: 'bf16' });
    expect(wrong.success).toBe(false);
    const refused = { name: 'onnxruntime/cpu', mixed_precision: 'bf16' } as const;
    expect(() => resolveEngine(both, refused)).toThrow(
      expect.objectContaining({ expected: 'precision f32', hint: 'these engines do: openvino/cpu' }),
    );
    expect(() => resolveEngine(both, { name: 'auto', precision: 'f16' })).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('no engine on the gpu-runner computes in f16') }),
    );
  });

  it('takes WebGPU when it is named, and never for auto', () => {
    const webgpu = { name: 'onnxruntime/webgpu', available: true, threads: 1, precisions: ['f32', 'f16'] } as const;
    const status = statusOf([webgpu, ...both.engines]);
    expect(resolveEngine(status, 'auto').name).toBe('openvino/cpu');
    expect(resolveEngine(status, webgpu.name)).toMatchObject({ name: webgpu.name, precision: 'f32', threads: 1 });
    expect(resolveEngine(status, { name: webgpu.name, precision: 'f16' }).precision).toBe('f16');
    expect(() => resolveEngine(statusOf([webgpu]), 'auto')).toThrow('the gpu-runner has no engine');
  });

  it('takes XLA on NVIDIA for auto before the CPU, and never XLA on the CPU', () => {
    const xla = { name: 'xla/cuda', available: true, threads: 1, precisions: ['bf16', 'f32', 'f16'] } as const;
    const spec = { name: 'xla/cuda', precision: 'bf16', threads: 1 };
    expect(resolveEngine(statusOf([...both.engines, xla]), 'auto')).toEqual(spec);
    const slow = { ...xla, name: 'xla/cpu' };
    expect(resolveEngine(statusOf([slow, ...both.engines]), 'auto').name).toBe('openvino/cpu');
    expect(() => resolveEngine(statusOf([slow]), 'auto')).toThrow('the gpu-runner has no engine');
  });

  it('stores that bits may differ, and kernels, for XLA on NVIDIA alone; equal bits are the default', () => {
    const xla = { name: 'xla/cuda', available: true, threads: 1 } as const;
    const status = statusOf([xla, ...both.engines]);
    const spec = { name: 'xla/cuda', precision: 'f32', threads: 1 } as const;
    const autotune = parseDigest(`sha256:${'1'.repeat(64)}`);
    expect(resolveEngine(status, { name: xla.name, deterministic: true })).toEqual(spec);
    expect(resolveEngine(status, { name: xla.name, deterministic: false })).toEqual({ ...spec, deterministic: false });
    expect(resolveEngine(status, { name: xla.name, autotune })).toEqual({ ...spec, autotune });
    expect(resolveEngine(status, { name: 'openvino/cpu', deterministic: true })).not.toHaveProperty('deterministic');
    expect(() => resolveEngine(status, { name: 'openvino/cpu', deterministic: false })).toThrow(/takes neither/);
    expect([spec, { ...spec, autotune }, { ...spec, deterministic: false as const }].map(wantsTuning)).toEqual([
      true,
      false,
      false,
    ]);
    expect(wantsTuning(resolveEngine(status, 'openvino/cpu'))).toBe(false);
  });

  it('takes the first precision that the engine offers, unless the request names one', () => {
    expect(resolveEngine(both, 'openvino/cpu')).toMatchObject({ name: 'openvino/cpu', precision: 'bf16' });
    const asked = { name: 'openvino/cpu', precision: 'f32', threads: 1 } as const;
    expect(resolveEngine(both, asked)).toEqual(asked);
  });

  it('takes parts without a name: the first engine of auto that has them', () => {
    expect(resolveEngine(both, { name: 'auto', threads: 2 })).toEqual({
      ...{ name: 'openvino/cpu', precision: 'bf16', threads: 2 },
    });
    const xla = { name: 'xla/cuda', available: true, threads: 1, precisions: ['f16'] } as const;
    const status = statusOf([...both.engines, xla]);
    expect(resolveEngine(status, { name: 'auto', precision: 'f32' }).name).toBe('openvino/cpu');
    expect(resolveEngine(status, { name: 'auto', deterministic: false })).toMatchObject({
      name: 'xla/cuda',
      deterministic: false,
    });
    expect(() => resolveEngine(both, { name: 'auto', precision: 'f16' })).toThrow(/does not compute in f16/);
  });

  it('refuses a precision that the engine lacks, and an engine that the runner lacks, with the reason', () => {
    expect(() => resolveEngine(both, { name: 'onnxruntime/cpu', precision: 'bf16' })).toThrow(
      /does not compute in bf16/,
    );
    const missing = statusOf([
      { name: 'onnxruntime/cpu', available: true },
      { name: 'openvino/cpu', available: false, reason: 'it is not installed' },
      { name: 'xla/cuda', available: false, reason: 'there is no NVIDIA driver' },
    ]);
    expect(() => resolveEngine(missing, 'openvino/cpu')).toThrow(
      expect.objectContaining({ hint: 'openvino/cpu: it is not installed' }),
    );
    const none = statusOf(missing.engines.filter(engine => !engine.available));
    expect(() => resolveEngine(none, 'auto')).toThrow(
      expect.objectContaining({ hint: 'openvino/cpu: it is not installed; xla/cuda: there is no NVIDIA driver' }),
    );
  });

  it('asks to send the call again when the runner has not tried its engines yet', () => {
    expect(() => resolveEngine(statusOf([]), 'auto')).toThrow(
      expect.objectContaining({ status: 503, retryable: true }),
    );
  });
});

describe('resolvePlan', () => {
  const data = (batch_size: number, changes: object = {}) => dataSchema.parse({ batch_size, ...changes });

  it('takes the largest micro-batch up to 64 that divides the update, unless the request names one', () => {
    expect(resolvePlan('auto', data(96))).toEqual({ micro_batch: 48, gradient_checkpointing: false });
    const asked = { name: 'onnxruntime/cpu', micro_batch: 8, gradient_checkpointing: true } as const;
    expect(resolvePlan(asked, data(96))).toEqual({ micro_batch: 8, gradient_checkpointing: true });
  });

  it('takes a micro-batch that divides the pictures of one size', () => {
    expect(resolvePlan('auto', data(96, { bucket_group: 12 })).micro_batch).toBe(12);
    expect(() => resolvePlan({ name: 'reference', micro_batch: 24 }, data(96, { bucket_group: 12 }))).toThrow(
      'engine.micro_batch 24 does not divide data.bucket_group 12',
    );
  });

  it('refuses a micro-batch that does not divide the update', () => {
    expect(() => resolvePlan({ name: 'reference', micro_batch: 5 }, data(96))).toThrow(
      'engine.micro_batch 5 does not divide data.batch_size 96',
    );
  });
});

describe('listEngineDifferences', () => {
  const stored = {
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 4 },
    plan: { micro_batch: 64, gradient_checkpointing: false },
  } as const;

  it('finds no difference with auto, with the name alone, and with equal parts', () => {
    expect(listEngineDifferences('auto', stored)).toEqual([]);
    expect(listEngineDifferences('onnxruntime/cpu', stored)).toEqual([]);
    expect(listEngineDifferences({ ...stored.engine, ...stored.plan }, stored)).toEqual([]);
  });

  it('names each part of spec and plan that differs, with the stored value', () => {
    expect(listEngineDifferences('openvino/cpu', stored)).toEqual(['engine.name (onnxruntime/cpu)']);
    const asked = { name: 'onnxruntime/cpu', threads: 2, micro_batch: 32, gradient_checkpointing: true } as const;
    expect(listEngineDifferences(asked, stored)).toEqual([
      'engine.threads (4)',
      'engine.micro_batch (64)',
      'engine.gradient_checkpointing (false)',
    ]);
  });
});

it('a plan has the blocks that are computed again: none, all, or every k-th', () => {
  const data = dataSchema.parse({ batch_size: 8 });
  const modeOf = (gradient_checkpointing: 'none' | 'full' | boolean | number) =>
    resolvePlan({ name: 'auto', gradient_checkpointing }, data).gradient_checkpointing;
  expect([modeOf('none'), modeOf('full'), modeOf(true), modeOf(3)]).toEqual([false, true, true, 3]);
  const stored = {
    engine: { name: 'reference', precision: 'f32', threads: 1 } as const,
    plan: { micro_batch: 8, gradient_checkpointing: true },
  };
  expect(listEngineDifferences({ name: 'auto', gradient_checkpointing: 'full' }, stored)).toEqual([]);
  expect(listEngineDifferences({ name: 'auto', gradient_checkpointing: 2 }, stored)).toEqual([
    'engine.gradient_checkpointing (true)',
  ]);
  expect(trainingEngineRequestSchema.safeParse({ gradient_checkpointing: 1 }).success).toBe(false);
});
