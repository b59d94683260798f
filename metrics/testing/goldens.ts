/** @file What metrics/testdata/make-metric-goldens.py wrote: inputs, and the numbers of published implementations. */
import { readFileSync } from 'node:fs';
import type { Features } from '../features.ts';

interface Goldens {
  readonly sets: readonly {
    readonly name: string;
    readonly dim: number;
    readonly a: readonly number[];
    readonly b: readonly number[];
    readonly k: number;
    readonly kernel: number;
    readonly frechet: number;
    readonly pytorch_fid: number | null;
    readonly manifold: { readonly precision: number; recall: number; density: number; coverage: number };
    readonly nearest: { readonly distances: readonly number[][]; readonly indexes: readonly number[][] };
  }[];
  readonly pictures: readonly {
    readonly width: number;
    readonly height: number;
    readonly slopes: readonly [number, number];
    readonly psnr: number;
    readonly ssim: number;
    readonly pytorch_ssim: number;
    readonly ms_ssim: number;
    readonly pytorch_ms_ssim: number | null;
    readonly scales: number;
  }[];
  readonly scores: {
    readonly values: readonly number[];
    readonly others: readonly number[];
    readonly percentiles: Readonly<Record<string, number>>;
    readonly sd: number;
    readonly mean: { readonly low: number; readonly high: number };
    readonly difference: { readonly low: number; readonly high: number };
    /** Of the values and the first 20 others, which are no pairs. */
    readonly unpaired: { readonly low: number; readonly high: number };
  };
}

export const GOLDENS: Goldens = JSON.parse(readFileSync(new URL('../testdata/metrics.json', import.meta.url), 'utf8'));

/** The two sets of features of each golden. */
export const GOLDEN_SETS = GOLDENS.sets.map(golden => ({
  ...golden,
  a: { dim: golden.dim, data: Float32Array.from(golden.a) } satisfies Features,
  b: { dim: golden.dim, data: Float32Array.from(golden.b) } satisfies Features,
}));
