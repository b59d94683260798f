import { describe, expect, it } from 'vitest';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import { engineDifferences, forSampling, resolveEngine } from './resolve-engine.ts';

function statusOf(engines: RunnerStatus['engines']): RunnerStatus {
  const idle = { uptime: 1, heartbeat_age_ms: 1, running: null, queued: 0, finished: 0, stopping: false };
  return { v: 1, pid: 1, device: 'cpu', ...idle, engines };
}

const both = statusOf([
  { name: 'onnxruntime/cpu', available: true, threads: 4 },
  { name: 'openvino/cpu', available: true, threads: 4, precisions: ['bf16', 'f32'] },
]);

describe('resolveEngine', () => {
  it('takes OpenVINO for auto when it is there, else ONNX Runtime, with the largest micro-batch that divides the update', () => {
    const spec = { name: 'openvino/cpu', precision: 'bf16', threads: 4, micro_batch: 48 };
    expect(resolveEngine(both, 'auto', 96)).toEqual(spec);
    const [onnxruntime, openvino] = both.engines;
    const missing = statusOf([...(onnxruntime ? [onnxruntime] : []), { name: 'openvino/cpu', available: false }]);
    expect(resolveEngine(missing, 'auto', 96)).toEqual({ ...spec, name: 'onnxruntime/cpu', precision: 'f32' });
    const withoutBf16 = statusOf([...(openvino ? [{ ...openvino, precisions: ['f32' as const] }] : [])]);
    expect(resolveEngine(withoutBf16, 'auto', 96)).toEqual({ ...spec, precision: 'f32' });
  });

  it('takes WebGPU when it is named, and never for auto', () => {
    const webgpu = { name: 'onnxruntime/webgpu', available: true, threads: 1, precisions: ['f32', 'f16'] } as const;
    const status = statusOf([webgpu, ...both.engines]);
    expect(resolveEngine(status, 'auto', 64).name).toBe('openvino/cpu');
    expect(resolveEngine(status, webgpu.name, 64)).toMatchObject({ name: webgpu.name, precision: 'f32', threads: 1 });
    expect(resolveEngine(status, { name: webgpu.name, precision: 'f16' }, 64).precision).toBe('f16');
    expect(() => resolveEngine(statusOf([webgpu]), 'auto', 64)).toThrow('the gpu-runner has no engine');
  });

  it('takes the precision that the engine does best, unless one is asked for', () => {
    expect(resolveEngine(both, 'openvino/cpu', 64)).toMatchObject({ name: 'openvino/cpu', precision: 'bf16' });
    const asked = { name: 'openvino/cpu', precision: 'f32', threads: 1 } as const;
    expect(resolveEngine(both, asked, 64)).toEqual({ ...asked, micro_batch: 64 });
  });

  it('refuses a precision that the engine has not, and an engine that the runner has not, with the reason', () => {
    expect(() => resolveEngine(both, { name: 'onnxruntime/cpu', precision: 'bf16' }, 64)).toThrow(
      /does not compute in bf16/,
    );
    const missing = statusOf([
      { name: 'onnxruntime/cpu', available: true },
      { name: 'openvino/cpu', available: false, reason: 'it is not installed' },
    ]);
    expect(() => resolveEngine(missing, 'openvino/cpu', 64)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('it is not installed') }),
    );
  });

  it('asks for patience with a runner that has not tried its engines yet', () => {
    expect(() => resolveEngine(statusOf([]), 'auto', 64)).toThrow(
      expect.objectContaining({ status: 503, retryable: true }),
    );
  });

  it('keeps gradient checkpointing only where it is on, and only for training', () => {
    const asked = { name: 'onnxruntime/cpu', gradient_checkpointing: true } as const;
    const spec = resolveEngine(both, asked, 64);
    expect(spec).toEqual({ ...forSampling(spec), gradient_checkpointing: true });
    expect(resolveEngine(both, { ...asked, gradient_checkpointing: false }, 64)).toEqual(forSampling(spec));
    expect(engineDifferences(asked, spec)).toEqual([]);
    expect(engineDifferences(asked, forSampling(spec))).toEqual(['gradient_checkpointing']);
    expect(engineDifferences({ ...asked, gradient_checkpointing: false }, forSampling(spec))).toEqual([]);
  });
});
