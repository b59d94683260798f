/** @file The order of test files: the longest begin first, so that no worker ends a run with one of them alone. */
import { join } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Test files that take more than 15 s, the longest first. Vitest knows how long files took in the last run, but a
 * fresh clone has none, and some of these files are short texts.
 */
export const LONG_FILES: readonly string[] = [
  'test/crash/crash.process.test.ts',
  'test/demo.process.test.ts',
  'gpu-runner/engines/conformance.engine.test.ts',
  'server/s3/conformance.slow.test.ts',
  'gpu-runner/training/trainer.engine.test.ts',
  'test/minio.process.test.ts',
  'gpu-runner/process/runner.process.test.ts',
  'gpu-runner/engines/onnxruntime/webgpu.engine.test.ts',
  'test/crash/crash-kill.process.test.ts',
  'test/help-examples.process.test.ts',
  'test/several-servers.process.test.ts',
  'functions/execution/several-servers.slow.test.ts',
  'test/store-away.process.test.ts',
];

const ROOT = join(import.meta.dirname, '..');
const RANKS = new Map(LONG_FILES.map((path, rank) => [join(ROOT, path), rank]));

/** Puts {@link LONG_FILES} first. The others keep their order. Paths are absolute. */
export function putLongFirst<T>(files: readonly T[], pathOf: (file: T) => string): T[] {
  const rankOf = (file: T) => RANKS.get(pathOf(file)) ?? LONG_FILES.length;
  return files.toSorted((a, b) => rankOf(a) - rankOf(b));
}

/** Of the other files, those that vitest knows as long or large come first. */
export default class LongFilesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return putLongFirst(await super.sort(files), ({ moduleId }) => moduleId);
  }
}
