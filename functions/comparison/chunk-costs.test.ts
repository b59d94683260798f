import { expect, test } from 'vitest';
import { energyOf, memoryOf, processorSecondsOf, secondsOf } from './chunk-costs.ts';

const chunk = (from: number, to: number, metrics?: Readonly<Record<string, number>>) => ({
  from,
  to,
  ...(metrics && { metrics }),
});
const told = { 'sys/iter_per_sec': 2, 'sys/cpu_seconds_per_iter': 3, 'memory/rss_gb': 5 };

test('times of chunks add up over their steps', () => {
  const chunks = [chunk(0, 4, told), chunk(4, 10, { ...told, 'sys/iter_per_sec': 3 })];
  expect([secondsOf(chunks), processorSecondsOf(chunks)]).toEqual([2 + 2, 30]);
});

test('a time is unknown if one chunk does not tell it, and memory is that of the chunks that do', () => {
  const chunks = [chunk(0, 4, told), chunk(4, 10)];
  expect([secondsOf(chunks), processorSecondsOf(chunks), memoryOf(chunks)]).toEqual([undefined, undefined, 5]);
  expect(secondsOf([chunk(0, 4, { 'sys/iter_per_sec': 0 })])).toBeUndefined();
  expect([secondsOf([]), memoryOf([chunk(0, 4)])]).toEqual([undefined, undefined]);
});

test('energy of processors and cards adds up, and is unknown if one chunk lacks a part', () => {
  const both = { 'sys/processor_kwh': 0.5, 'sys/card_kwh': 2 };
  expect(energyOf([chunk(0, 4, both), chunk(4, 8, both)])).toBe(5);
  expect(energyOf([chunk(0, 4, both), chunk(4, 8, { 'sys/processor_kwh': 0.5 })])).toBeUndefined();
  expect(energyOf([chunk(0, 4, { 'sys/processor_kwh': 0.5 }), chunk(4, 8, { 'sys/processor_kwh': 0.25 })])).toBe(0.75);
  expect([energyOf([]), energyOf([chunk(0, 4, told)])]).toEqual([undefined, undefined]);
});

test('memory of the device counts before that of the process', () => {
  expect(memoryOf([chunk(0, 4, { ...told, 'memory/peak_vram_gb': 2 }), chunk(4, 8, told)])).toBe(5);
  expect(memoryOf([chunk(0, 4, { ...told, 'memory/peak_vram_gb': 2 })])).toBe(2);
});
