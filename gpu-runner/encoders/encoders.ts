/** @file The table of encoders that run on an engine, by name. Those that need none run in the server: functions/encoders/encoders.ts. */
import type { RunnerEncoder } from './encoder.ts';

export type RunnerEncoders = Readonly<Record<string, RunnerEncoder>>;

export const RUNNER_ENCODERS: RunnerEncoders = {};
