/**
 * @file Low-rank adaptation (LoRA, arXiv 2106.09685) of a matrix W [in, out]: W + (alpha / rank) A B, with A
 * [in, rank] and B [rank, out]. B begins as zeros, so the model begins as the one without adapters.
 */
import { type LoraConfig, loraTargets } from '../../configs/lora.ts';
import { matchesAny } from '../../configs/name-patterns.ts';
import type { Tensor } from '../compiler/tensor.ts';

const DOWN = '.lora_down';
const UP = '.lora_up';

/** Names of A and B of the matrix. */
export const loraNames = (name: string) => ({ down: `${name}${DOWN}`, up: `${name}${UP}` });

export const isLora = (name: string): boolean => name.endsWith(DOWN) || name.endsWith(UP);

export const isAdapted = (lora: LoraConfig | undefined, name: string): lora is LoraConfig =>
  lora !== undefined && matchesAny(loraTargets(lora), name);

export const loraScale = ({ alpha, rank }: LoraConfig): number => alpha / rank;

/** The weights of the model without adapters that computes the same: each W + (alpha / rank) A B, in f32. */
export function mergeLora(weights: Readonly<Record<string, Tensor>>, lora: LoraConfig): Record<string, Tensor> {
  const merged: Record<string, Tensor> = {};
  for (const [name, tensor] of Object.entries(weights)) {
    if (isLora(name)) continue;
    const { down, up } = loraNames(name);
    const [a, b] = [weights[down], weights[up]];
    merged[name] = a && b ? addProduct(tensor, a, b, loraScale(lora)) : tensor;
  }
  return merged;
}

/** W + scale A B; sums in f64, rounded once. */
function addProduct(w: Tensor, a: Tensor, b: Tensor, scale: number): Tensor {
  const [rows = 0, columns = 0] = w.shape;
  const rank = b.shape[0] ?? 0;
  const data = new Float32Array(w.data.length);
  const row = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    row.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = a.data[i * rank + k] ?? 0;
      for (let j = 0; j < columns; j++) row[j] = (row[j] ?? 0) + factor * (b.data[k * columns + j] ?? 0);
    }
    for (let j = 0; j < columns; j++) data[i * columns + j] = (w.data[i * columns + j] ?? 0) + scale * (row[j] ?? 0);
  }
  return { ...w, data };
}
