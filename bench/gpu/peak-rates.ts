/** @file Dense bf16 rates of GPUs with sums in f32, TFLOP/s, from NVIDIA's data sheets. */
import { CARDS } from '../../configs/cards.ts';

/** By a part of the name that the driver gives; the first that fits counts. */
const OTHERS: readonly (readonly [RegExp, number])[] = [
  [/H200|H100.*(HBM3|SXM)|GH200/, 989],
  [/H100/, 756],
  [/B200/, 2250],
  [/A100/, 312],
  [/L40S/, 362],
];

/** Undefined for a device that is not in a table: no share of its peak is told then. */
export function peakTeraflops(kind: string): number | undefined {
  const card = Object.values(CARDS).find(({ name }) => name === kind);
  return card?.bf16Teraflops ?? OTHERS.find(([pattern]) => pattern.test(kind))?.[1];
}
