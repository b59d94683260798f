/** @file Probes WebGPU on this machine in another process, since opening a device may crash or hang in the driver. */
import { z } from 'zod';
import type { EngineProbe } from '../../compiler/engine.ts';
import { runProbe } from '../forked-probe.ts';
import { ort } from './runtime.ts';

const PROBE_PROCESS = new URL('./webgpu-probe-process.ts', import.meta.url);
const TIMEOUT_MS = 15_000;

/** Report of the probe process; `precisions` is empty if there is no device. */
const reportSchema = z.strictObject({
  precisions: z.array(z.enum(['f32', 'f16'])),
  device: z.string().optional(),
  reason: z.string().optional(),
});
/** Report of the probe process. */
export type WebGpuReport = z.infer<typeof reportSchema>;

let known: Promise<EngineProbe> | undefined;

/** Probes once per process: drivers do not come and go. */
export function probeWebGpu(): Promise<EngineProbe> {
  known ??= probeInProcess();
  return known;
}

/** @param options For tests: another program, timeout or environment. */
export async function probeInProcess({
  program = PROBE_PROCESS,
  timeoutMs = TIMEOUT_MS,
  env = process.env,
}: {
  readonly program?: URL;
  readonly timeoutMs?: number;
  readonly env?: NodeJS.ProcessEnv;
} = {}): Promise<EngineProbe> {
  const name = 'onnxruntime/webgpu';
  if (!ort.listSupportedBackends().some(backend => backend.name === 'webgpu' && backend.bundled)) {
    return { name, available: false, reason: `onnxruntime-node has no WebGPU for ${process.platform} ${process.arch}` };
  }
  const {
    precisions = [],
    device,
    reason,
  }: Partial<WebGpuReport> = await runProbe<WebGpuReport>({
    ...{ program, timeoutMs, env, report: reportSchema },
    ...{ subject: 'WebGPU', suspect: 'the GPU driver' },
  });
  if (precisions.length === 0) return { name, available: false, reason: reason ?? 'the probe gave no reason' };
  const version = ort.env.versions.node ?? ort.env.versions.common;
  return { name, available: true, device: device ?? 'WebGPU device', version, threads: 1, precisions };
}
