/** @file Tells by an engine's error that memory ran out. Each engine says so in its own words. */
import { AppError, OutOfMemory } from '../../errors.ts';

const SIGNS: readonly RegExp[] = [
  // ONNX Runtime: its arena, and the allocator of C++.
  /failed to allocate memory for requested buffer/i,
  /available memory of \d+ is smaller than requested/i,
  /\bbad_alloc\b|\bbad allocation\b/i,
  // XLA, and drivers of GPUs.
  /RESOURCE_EXHAUSTED/,
  /\bout of memory\b/i,
  // TensorFlow.
  /\bOOM when allocating\b/,
  // Node: buffers, and typed arrays.
  /array buffer allocation failed/i,
  /cannot allocate memory|\bENOMEM\b/i,
];

/** The error as {@link OutOfMemory} if it says that memory ran out, else the error itself. */
export function recognizeOutOfMemory(error: unknown): unknown {
  if (error instanceof AppError || !(error instanceof Error)) return error;
  if (!SIGNS.some(sign => sign.test(error.message))) return error;
  return new OutOfMemory(`memory ran out: ${error.message}`, {
    cause: error,
    expected: 'a training that fits into the memory of the device',
    hint: 'take a smaller engine.micro_batch, engine.gradient_checkpointing, a smaller model or smaller pictures',
  });
}
