/** @file Buffers in GPU memory and the sessions that own them. */
import type { ort } from './runtime.ts';

/** Live buffers. The set also keeps them from the garbage collector, which might take a session before its buffers. */
const live = new Set<GpuBuffer>();

/** Number of buffers in this process that are not disposed of yet. */
export function countBuffers(): number {
  return live.size;
}

/** A session that made buffers, and how many of them are in use. */
export interface BufferMaker {
  readonly session: ort.InferenceSession;
  buffers: number;
}

/** A tensor in GPU memory. Its memory belongs to the session that made it; the last dispose releases the session. */
export class GpuBuffer {
  readonly tensor: ort.Tensor;
  readonly #maker: BufferMaker;

  constructor(tensor: ort.Tensor, maker: BufferMaker) {
    this.tensor = tensor;
    this.#maker = maker;
    maker.buffers += 1;
    live.add(this);
  }

  /** Frees the buffer. A second call does nothing. */
  dispose(): void {
    if (!live.delete(this)) return;
    this.tensor.dispose();
    this.#maker.buffers -= 1;
    if (this.#maker.buffers === 0) void this.#maker.session.release();
  }
}
