import { expect, it } from 'vitest';
import type { Engine } from '../compiler/engine.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { measureChunk } from './chunk-metrics.ts';
import { peakRate } from './peak-rate.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });
const WORK = { steps: 4, samples: 32, ms: 2000, waitedMs: 500, cpuMs: 3000, flops: 1e9 };

it('tells rates, the share of waiting, the share of the peak, and on a CPU resident memory', async () => {
  const found = await measureChunk(engine, WORK);
  expect(found).toMatchObject({ 'sys/iter_per_sec': 2, 'sys/samples_per_sec': 16, 'sys/loader_stall': 0.25 });
  expect(found['sys/cpu_seconds_per_iter']).toBe(0.75);
  expect(found['sys/mfu']).toBeCloseTo(5e8 / (await peakRate(engine)), 12);
  expect(found['memory/rss_gb']).toBeGreaterThan(0.01);
  expect(found['memory/peak_rss_gb']).toBeGreaterThanOrEqual(0.9 * (found['memory/rss_gb'] ?? 0));
  expect(Object.keys(found)).not.toContain('memory/peak_vram_gb');
});

it('tells memory of the device where the engine knows it', async () => {
  const gpu: Engine = { ...engine, readMemory: () => ({ inUse: 2e9, peakInUse: 3e9 }) };
  const found = await measureChunk(gpu, WORK);
  expect(found).toMatchObject({ 'memory/vram_allocated_gb': 2, 'memory/peak_vram_gb': 3 });
  expect(Object.keys(found)).not.toContain('memory/rss_gb');
});

it('tells the other numbers when the engine has no memory to measure its peak', async () => {
  const full: Engine = { ...engine, compile: () => Promise.reject(new Error('out of memory')) };
  const found = await measureChunk(full, WORK);
  expect(found).toMatchObject({ 'sys/iter_per_sec': 2 });
  expect(Object.keys(found)).not.toContain('sys/mfu');
});

it('measures the peak once for an engine, and it is a plausible one', async () => {
  const rate = peakRate(engine);
  expect(peakRate(engine)).toBe(rate);
  expect(await rate).toBeGreaterThan(1e8);
});

it('tells the energy that could be read, and none that could not', async () => {
  const found = await measureChunk(engine, { ...WORK, energy: { processorKwh: 0.5 } });
  expect(found['sys/processor_kwh']).toBe(0.5);
  expect(Object.keys(found)).not.toContain('sys/card_kwh');
  expect(await measureChunk(engine, { ...WORK, energy: { processorKwh: Number.NaN, cardKwh: 2 } })).toMatchObject({
    'sys/card_kwh': 2,
  });
  expect(Object.keys(await measureChunk(engine, WORK))).not.toContain('sys/processor_kwh');
});

it('tells nothing of a chunk without steps', async () => {
  expect(await measureChunk(engine, { ...WORK, steps: 0 })).toEqual({});
});
