/** @file The sections of bench/gpu.ts in their order: short ones that decide the rest, then the largest goals. */
import type { Section } from './run-sections.ts';

export interface GpuSection extends Section {
  /** Runs without a plugin. */
  readonly withoutPlugin?: true;
}

/** Presets whose training is measured, beside PyTorch. */
export const PRESET_SECTIONS = ['prod-1', 'prod-2', 'prod-0', 'seed-384', 'seed-768'] as const;
export type PresetName = (typeof PRESET_SECTIONS)[number];

const preset = (name: PresetName, seconds: number): GpuSection => ({
  name,
  title: `training of ${name}, beside compiled PyTorch`,
  seconds,
});

export const SECTIONS: readonly GpuSection[] = [
  { name: 'device', title: 'plugin, device, memory', seconds: 25 },
  { name: 'calls', title: 'donation, transfers, calls', seconds: 25 },
  { name: 'attention', title: 'fused attention against its primitives', seconds: 60 },
  preset('prod-1', 160),
  preset('prod-2', 180),
  { name: 'cap-24', title: 'prod-1 within 24 GB of memory', seconds: 100 },
  { name: 'steps', title: '20 steps beside the CPU in f32', seconds: 60 },
  { name: 'conformance', title: 'every operation against the reference', seconds: 100 },
  { name: 'replay', title: 'measured kernels: equal bits, and their price', seconds: 60 },
  { name: 'saved', title: 'compiled programs, loaded in a new process', seconds: 30 },
  { name: 'target', title: 'description of the GPU for compiling without it', seconds: 20 },
  { name: 'webgpu', title: 'onnxruntime/webgpu on the driver of the card', seconds: 40, withoutPlugin: true },
  preset('prod-0', 120),
  preset('seed-384', 140),
  preset('seed-768', 200),
];
