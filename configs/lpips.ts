/** @file The networks of LPIPS (arXiv 1801.03924), by the names of the Python package lpips. */
export const LPIPS_NETS = ['alex', 'vgg', 'squeeze'] as const;
export type LpipsNet = (typeof LPIPS_NETS)[number];

/** Name of its weights in the store, and among the frozen nets of an objective. */
export const lpipsModelOf = (net: LpipsNet) => `lpips-${net}` as const;
