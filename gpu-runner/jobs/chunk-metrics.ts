/** @file How fast a chunk was trained, and with how much memory: numbers of the machine, which decide no bit. */
import type { Engine } from '../compiler/engine.ts';
import type { Energy } from './energy-meter.ts';
import { peakRate } from './peak-rate.ts';

export interface ChunkWork {
  readonly steps: number;
  readonly samples: number;
  readonly ms: number;
  /** Of `ms`, without data. */
  readonly waitedMs: number;
  /** Of all processor cores together, by the whole gpu-runner. */
  readonly cpuMs: number;
  readonly energy?: Energy;
  /** Operations of forward and backward passes. */
  readonly flops: number;
}

/**
 * By the tags that TensorBoard shows. `sys/mfu` is the share of the engine's own fastest matrix product; absent if the
 * engine has no memory for that. Memory is that of the device if the engine knows it, else `memory/rss_gb`, the
 * resident memory of the whole gpu-runner. GB are 1e9 bytes.
 */
export async function measureChunk(engine: Engine, work: ChunkWork): Promise<Record<string, number>> {
  const { steps, samples, ms, waitedMs, cpuMs, flops, energy = {} } = work;
  if (steps === 0) return {};
  const seconds = ms / 1000;
  // The steps are taken: an engine that cannot run the product costs the chunk one number.
  const peak = await peakRate(engine).catch(() => Number.NaN);
  const measured = {
    'sys/iter_per_sec': steps / seconds,
    'sys/samples_per_sec': samples / seconds,
    'sys/cpu_seconds_per_iter': cpuMs / 1000 / steps,
    'sys/loader_stall': waitedMs / ms,
    'sys/mfu': flops / seconds / peak,
    'sys/processor_kwh': energy.processorKwh ?? Number.NaN,
    'sys/card_kwh': energy.cardKwh ?? Number.NaN,
    ...readMemory(engine),
  };
  return Object.fromEntries(Object.entries(measured).filter(([, value]) => Number.isFinite(value)));
}

function readMemory(engine: Engine): Record<string, number> {
  const device = engine.readMemory?.();
  if (device === undefined) {
    const { rss } = process.memoryUsage();
    return { 'memory/rss_gb': rss / 1e9, 'memory/peak_rss_gb': (process.resourceUsage().maxRSS * 1024) / 1e9 };
  }
  const { inUse, peakInUse, reserved } = device;
  return {
    'memory/vram_allocated_gb': inUse / 1e9,
    ...(reserved !== undefined && { 'memory/vram_reserved_gb': reserved / 1e9 }),
    ...(peakInUse !== undefined && { 'memory/peak_vram_gb': peakInUse / 1e9 }),
  };
}
