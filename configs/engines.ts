/**
 * @file The one list of engines. Tables with a row per engine are total over {@link EngineName}, so that TypeScript
 * names the missing rows.
 */

export const ENGINE_NAMES = [
  'onnxruntime/cpu',
  'onnxruntime/webgpu',
  'openvino/cpu',
  'xla/cpu',
  'xla/cuda',
  'tensorflow',
  'reference',
] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Threads of an engine at most, also on a machine that has more. */
export const MOST_THREADS = 256;

/** Formats of matrix products in the model's graphs; the rest is f32. */
export const PRECISIONS = ['f32', 'bf16', 'f16'] as const;
export type Precision = (typeof PRECISIONS)[number];

const GPU_ENGINES: ReadonlySet<EngineName> = new Set<EngineName>(['onnxruntime/webgpu', 'xla/cuda']);

/** Whether an engine has the memory of the machine, and not that of a card. */
export function isOnCpu(name: EngineName): boolean {
  return !GPU_ENGINES.has(name);
}

/** What of a training an engine of that precision computes in which numbers. */
export function describePrecision(precision: Precision) {
  const scaled = precision === 'f16' ? ', of a loss that is scaled' : '';
  return {
    matrix_products: precision,
    norms_softmax_and_losses: 'f32',
    gradients: `f32 sums of products in ${precision}${scaled}`,
    newton_schulz: precision,
    weights_moments_and_averages: 'f32',
  };
}
