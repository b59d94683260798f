/** @file Finds the plugins of XLA on this machine. */
import { existsSync } from 'node:fs';

export type Platform = 'cpu' | 'cuda';

export type FoundPlugin =
  | { readonly path: string; readonly missing?: never }
  /** `missing` says why and what to do. */
  | { readonly path?: never; readonly missing: string };

const VARIABLES: Readonly<Record<Platform, string>> = { cpu: 'XLA_CPU_PLUGIN', cuda: 'XLA_CUDA_PLUGIN' };

/** XLA_CPU_PLUGIN or XLA_CUDA_PLUGIN. */
export function findPlugin(
  platform: Platform,
  env: Readonly<Record<string, string | undefined>> = process.env,
): FoundPlugin {
  const variable = VARIABLES[platform];
  const given = env[variable];
  if (!given) return { missing: `set ${variable} to the path of a PJRT plugin` };
  return existsSync(given)
    ? { path: given }
    : { missing: `${variable} is ${given}, which does not exist: set it to the path of a PJRT plugin` };
}
