/** @file The objects of a client that must be freed before the client. */
import type { PjrtCalls } from './calls.ts';
import type { Address } from './ffi.ts';

/** Something that the plugin made and that is freed once. */
export interface Disposable {
  dispose(): void;
}

/** What the tensors and programs of a client know of it. */
export interface ClientParts {
  readonly calls: PjrtCalls;
  /** Such as "cpu" and "cuda". */
  readonly platform: string;
  /** Tensors that are not freed yet. */
  readonly buffers: Set<Disposable>;
  /** Programs that are not freed yet. */
  readonly programs: Set<Disposable>;
  /** Waits for an operation on the device; the client waits for it before it goes. */
  track(event: Address, kept?: object): Promise<void>;
}
