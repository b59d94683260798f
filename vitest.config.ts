import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import LongFilesFirst from './test/long-files-first.ts';
import { FAST_PROJECT, GPU_COMPILE_FILES, MOCK_FILES, SLOW_FILES } from './test/speed-tiers.ts';

// Node keeps the code of modules that it has compiled. That halves the time in which a test starts a process.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/node-compile');

// Test files keep all cores busy, so the threads of an engine would wait for each other.
process.env.EASEL_THREADS ??= '1';

const NOT_OURS = ['node_modules/**', 'data/store/**', 'data/minio*/**', GPU_COMPILE_FILES];

// One file more than cores, since slow tests also wait for processes, stores and clocks.
const SLOW = { maxWorkers: 3, sequence: { groupOrder: 1 } };

export default defineConfig({
  test: {
    pool: 'forks',
    // Far above what a test takes on a quiet machine: a busy one takes ten times as long.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    sequence: { sequencer: LongFilesFirst },
    reporters: ['default', './test/slowest-files.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: FAST_PROJECT,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          include: ['**/*.test.ts'],
          exclude: [...NOT_OURS, ...SLOW_FILES],
          setupFiles: ['test/fast-guard.ts'],
          // A worker keeps the modules that it has loaded: half of the time of isolated files.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          ...SLOW,
          name: 'slow',
          include: SLOW_FILES,
          exclude: [...NOT_OURS, MOCK_FILES],
          // Node loads the modules, as outside of tests. Vite would transform them again for each file.
          experimental: { viteModuleRunner: false },
        },
      },
      // Only Vite replaces modules that import each other in a circle.
      { extends: true, test: { ...SLOW, name: 'mock', include: [MOCK_FILES], exclude: NOT_OURS } },
    ],
  },
});
