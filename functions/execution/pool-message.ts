/** @file What the pool and its worker threads say to each other. */
import type { WireError } from '../../errors-wire.ts';

export interface PoolRequest {
  readonly name: string;
  readonly input: unknown;
}

export type PoolReply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: WireError };
