import { defineConfig } from 'vitest/config';
import { GPU_COMPILE_FILES } from '../speed-tiers.ts';

export default defineConfig({
  test: {
    include: [GPU_COMPILE_FILES],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 30 * 60_000,
    // The compiler's log; Node reads it when the library is loaded.
    env: { TF_CPP_MIN_LOG_LEVEL: '2' },
  },
});
