/** @file A reporter that ends a run with its ten slowest test files and the time that the run may take. */
import type { Reporter, TestModule } from 'vitest/node';
import { FAST_PROJECT } from './speed-tiers.ts';

const SHOWN = 10;
/** Longest run in seconds on two quiet cores. */
const LIMITS = {
  fast: { command: 'npm run test:fast', seconds: 40 },
  all: { command: 'npm test', seconds: 600 },
} as const;

export interface FileTime {
  /** From the root of the repository. */
  readonly path: string;
  /** Loading the file, its set-up and its tests. */
  readonly seconds: number;
  readonly isFast: boolean;
}

/** The lines at the end of a run that took so many seconds; none for a run of a few files. */
export function describeSlowest(files: readonly FileTime[], seconds: number): string[] {
  if (files.length <= SHOWN) return [];
  const slowest = files.toSorted((a, b) => b.seconds - a.seconds).slice(0, SHOWN);
  const limit = files.every(({ isFast }) => isFast) ? LIMITS.fast : LIMITS.all;
  return [
    `The ${SHOWN} slowest of ${files.length} test files:`,
    ...slowest.map(file => `${file.seconds.toFixed(1).padStart(7)} s  ${file.path}`),
    `The run took ${Math.round(seconds)} s. The limit of \`${limit.command}\` on 2 cores is ${limit.seconds} s.`,
  ];
}

function timeOf(module: TestModule): FileTime {
  const { collectDuration, duration, setupDuration } = module.diagnostic();
  return {
    path: module.relativeModuleId,
    seconds: (collectDuration + duration + setupDuration) / 1000,
    isFast: module.project.name === FAST_PROJECT,
  };
}

export default class SlowestFiles implements Reporter {
  #startedAt = 0;

  onTestRunStart(): void {
    this.#startedAt = performance.now();
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    for (const line of describeSlowest(modules.map(timeOf), seconds)) console.log(line);
  }
}
