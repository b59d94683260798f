/**
 * @file Speed of a test file, by its name: `x.test.ts` is fast (`npm run test:fast` runs it), `x.TIER.test.ts` is slow.
 */

/** What a slow test file does, by the word before `.test.ts`. */
export const SLOW_TIERS = {
  process: 'starts a process',
  engine: 'loads a native engine',
  mock: 'replaces a module',
  slow: 'takes long for another reason',
} as const;
export type SlowTier = keyof typeof SLOW_TIERS;

/** Name of the vitest project of all other test files. */
export const FAST_PROJECT = 'fast';

/** Glob of tests that only `npm run test:gpu-compile` runs: they need 230 MB of wheels and many minutes. */
export const GPU_COMPILE_FILES = '**/*.gpu-compile.test.ts';

const globOf = (tier: SlowTier) => `**/*.${tier}.test.ts`;

/** Globs of slow test files. */
export const SLOW_FILES = (Object.keys(SLOW_TIERS) as SlowTier[]).map(globOf);

/** Glob of the slow test files that replace modules. */
export const MOCK_FILES = globOf('mock');
