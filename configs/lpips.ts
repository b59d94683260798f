/** @file The loss `lpips`, and the networks of LPIPS (arXiv 1801.03924) by the names of the Python package lpips. */
import { z } from 'zod';
import { LONGEST_SIDE } from './bounds.ts';

export const LPIPS_NETS = ['alex', 'vgg', 'squeeze'] as const;
export type LpipsNet = (typeof LPIPS_NETS)[number];

/** The net of the loss `lpips` when its config names none. */
export const DEFAULT_LPIPS_NET: LpipsNet = 'alex';

/** Name of its weights in the store, and among the frozen nets of an objective. */
export const lpipsModelOf = (net: LpipsNet) => `lpips-${net}` as const;

const time = z.number().min(0).max(1);

export const lpipsShape = {
  net: z.enum(LPIPS_NETS).default(DEFAULT_LPIPS_NET),
  /** Larger pictures are compared at a size at which no side is longer: the means of squares of pixels. */
  max_side: z.int().positive().max(LONGEST_SIDE).default(256),
  t_min: time.default(0),
  t_max: time.default(0.7),
};
