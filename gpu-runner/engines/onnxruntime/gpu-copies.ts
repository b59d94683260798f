/**
 * @file Makes, fills and reads GPU buffers. onnxruntime-node has no working call for it (`getData()` crashes the
 * process), so small graphs that only pass values on do it.
 */
import { broadcast } from '../../compiler/functions.ts';
import type { Graph } from '../../compiler/graph.ts';
import { ONNX_PREFIX } from '../../compiler/targets/onnx/emitter.ts';
import { lowerToOnnx } from '../../compiler/targets/onnx/lower.ts';
import { BYTES_PER_ELEMENT, emptyTensor, sizeOf, type Tensor, type TensorSpec } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { type BufferMaker, GpuBuffer } from './gpu-buffer.ts';
import { fromOrt, ort, requireResult, toOrt } from './runtime.ts';

/** Largest part of a copy: a copy needs its size in device memory again, so a large state is copied in parts. */
const PART_BYTES = 64 * 2 ** 20;

type Named<T> = ReadonlyMap<string, T>;

/** A tensor and the buffer that holds it. */
export interface Placed extends TensorSpec {
  readonly buffer: GpuBuffer;
}

/** Makes buffers with the values of host tensors. */
export function upload(tensors: Named<Tensor>): Promise<Map<string, GpuBuffer>> {
  return makeBuffers(tensors, tensor => tensor);
}

/** Makes buffers of zeros. Only one element per buffer is copied to the device. */
export function allocate(specs: Named<TensorSpec>): Promise<Map<string, GpuBuffer>> {
  return makeBuffers(specs, ({ shape, dtype }) => emptyTensor({ shape: shape.map(() => 1), dtype }));
}

/** Copies buffers to the host. */
export async function download(placed: Named<Placed>): Promise<Map<string, Tensor>> {
  const tensors = new Map<string, Tensor>();
  for (const part of splitByBytes(placed)) {
    const graph = trace(builder => ({ outputs: mapRecord(part, (spec, name) => builder.state(name, typeOf(spec))) }));
    const session = await openCopy(graph, 'cpu');
    try {
      const results = await session.run(mapRecord(part, ({ buffer }) => buffer.tensor, ONNX_PREFIX.state));
      for (const [name, spec] of part) {
        tensors.set(name, fromOrt(requireResult(results[`${ONNX_PREFIX.output}${name}`], name), typeOf(spec)));
      }
    } finally {
      await session.release();
    }
  }
  return tensors;
}

/** Makes buffers for `specs`, filled with the broadcast values of `valuesOf`. An error disposes of the buffers made. */
async function makeBuffers<T extends TensorSpec>(
  specs: Named<T>,
  valuesOf: (spec: T) => Tensor,
): Promise<Map<string, GpuBuffer>> {
  const buffers = new Map<string, GpuBuffer>();
  try {
    for (const part of splitByBytes(specs)) {
      for (const [name, buffer] of await makePart(part, valuesOf)) buffers.set(name, buffer);
    }
  } catch (error) {
    for (const buffer of buffers.values()) buffer.dispose();
    throw error;
  }
  return buffers;
}

async function makePart<T extends TensorSpec>(
  part: Named<T>,
  valuesOf: (spec: T) => Tensor,
): Promise<Map<string, GpuBuffer>> {
  const values = new Map([...part].map(([name, spec]) => [name, valuesOf(spec)]));
  // Each buffer has its own input, so that no two share memory.
  const graph = trace(builder => {
    const writes = mapRecord(values, (value, name) =>
      broadcast(builder.input(name, typeOf(value)), part.get(name)?.shape ?? value.shape),
    );
    return { outputs: {}, writes };
  });
  const maker: BufferMaker = { session: await openCopy(graph, 'gpu-buffer'), buffers: 0 };
  try {
    const results = await maker.session.run(mapRecord(values, toOrt, ONNX_PREFIX.input));
    const made = [...part.keys()].map(
      name => [name, requireResult(results[`${ONNX_PREFIX.write}${name}`], name)] as const,
    );
    return new Map(made.map(([name, tensor]) => [name, new GpuBuffer(tensor, maker)]));
  } catch (error) {
    await maker.session.release();
    throw error;
  }
}

function openCopy(graph: Graph, location: 'cpu' | 'gpu-buffer'): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(lowerToOnnx(graph, { fusedMatMul: false }).bytes, {
    executionProviders: ['webgpu'],
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 4,
    preferredOutputLocation: location,
  });
}

function* splitByBytes<T extends TensorSpec>(specs: Named<T>): Generator<Named<T>> {
  let part = new Map<string, T>();
  let bytes = 0;
  for (const [name, spec] of specs) {
    const size = sizeOf(spec.shape) * BYTES_PER_ELEMENT[spec.dtype];
    if (part.size > 0 && bytes + size > PART_BYTES) {
      yield part;
      [part, bytes] = [new Map(), 0];
    }
    part.set(name, spec);
    bytes += size;
  }
  if (part.size > 0) yield part;
}

const typeOf = ({ shape, dtype }: TensorSpec): TensorSpec => ({ shape, dtype });

function mapRecord<T, U>(map: Named<T>, of: (value: T, name: string) => U, prefix = ''): Record<string, U> {
  return Object.fromEntries([...map].map(([name, value]) => [`${prefix}${name}`, of(value, name)]));
}
