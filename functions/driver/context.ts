/** @file What each part of a driver works on. */
import type { Config } from '../../configs/schema.ts';
import type { EffectContext } from '../define.ts';
import type { ViewTarget } from '../views/experiment-view.ts';

/** A training that this process drives. */
export interface Drive {
  readonly ctx: EffectContext;
  /** Aborts with the call, and when the lease is lost. */
  readonly signal: AbortSignal;
  readonly view: ViewTarget;
  readonly config: Config;
}
