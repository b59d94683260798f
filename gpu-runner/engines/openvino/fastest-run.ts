/** @file The profile of an executable's runs. */
import { Internal } from '../../../errors.ts';
import type { KindProfile } from '../../compiler/engine.ts';
import { type OperationTime, sumByKind } from '../kind-profile.ts';
import type { Handle, OpenVino } from './ffi.ts';

/** OpenVINO tells of the last run only: the fastest one is read when it has run. */
export class FastestRun {
  #ms = Number.POSITIVE_INFINITY;
  #operations: readonly OperationTime[] | undefined;
  #profile: readonly KindProfile[] | undefined;

  /** As the library's `infer`. */
  infer(api: OpenVino, request: Handle): void {
    const start = performance.now();
    api.infer(request);
    const ms = performance.now() - start;
    if (ms >= this.#ms) return;
    this.#ms = ms;
    this.#operations = api.readProfile(request);
  }

  /** Of the runs before the first call. @throws Internal without one. */
  summarize(): readonly KindProfile[] {
    if (this.#operations === undefined) throw new Internal('there is no run to profile');
    this.#profile ??= sumByKind(this.#operations);
    return this.#profile;
  }
}
