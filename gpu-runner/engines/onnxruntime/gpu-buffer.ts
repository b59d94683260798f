/** @file Memory of the GPU, and who owns it. */
import type { ort } from './runtime.ts';

/** Kept from the garbage collector too, which might take a session before its buffers. */
const live = new Set<GpuBuffer>();

/** Buffers that nobody has disposed of, in the whole process. */
export function countBuffers(): number {
  return live.size;
}

/** A session whose outputs are buffers, and how many of them are in use. */
export interface BufferMaker {
  readonly session: ort.InferenceSession;
  buffers: number;
}

/** A tensor in memory of the device. The memory belongs to the session that made it, which is released with the last of its buffers. */
export class GpuBuffer {
  readonly tensor: ort.Tensor;
  readonly #maker: BufferMaker;

  constructor(tensor: ort.Tensor, maker: BufferMaker) {
    this.tensor = tensor;
    this.#maker = maker;
    maker.buffers += 1;
    live.add(this);
  }

  /** Does nothing the second time. */
  dispose(): void {
    if (!live.delete(this)) return;
    this.tensor.dispose();
    this.#maker.buffers -= 1;
    if (this.#maker.buffers === 0) void this.#maker.session.release();
  }
}
