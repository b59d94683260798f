/** @file Compares engines with the reference interpreter, case by case, and lists the engines. */
import type { EngineName, Precision } from '../../../configs/engines.ts';
import type { Engine, EngineProbe } from '../../compiler/engine.ts';
import { grad } from '../../compiler/grad.ts';
import type { Graph } from '../../compiler/graph.ts';
import { isFloat32Product, mixPrecision } from '../../compiler/passes/mixed-precision.ts';
import { emptyTensor, sizeOf, type Tensor } from '../../compiler/tensor.ts';
import { OP_CASES, type OpCase, weightedSum } from '../../compiler/testing/cases.ts';
import { randomValues } from '../../compiler/testing/random.ts';
import { trace } from '../../compiler/trace.ts';

export interface EngineRow {
  readonly name: string;
  /** Name in test/tiers.ts under which tests are skipped if the engine is not available. */
  readonly tier: string;
  probe(): Promise<EngineProbe>;
  /** Opens the engine if the probe says that it is available, in a precision that it offers; default f32. */
  open(precision?: Precision): Promise<Engine>;
  /** Largest error of a case in f32, as {@link measureCase} returns it. */
  readonly tolerance: number;
  /** Precisions below f32 that it has on some machines. */
  readonly shortPrecisions: readonly ShortPrecision[];
}

export type ShortPrecision = Exclude<Precision, 'f32'>;

/**
 * Largest error of a case whose matrix products run in a short format. Each operand and result is off by up to half a
 * unit in the last place (2^-9 in bf16, 2^-12 in f16). Gradients pass several products, whose results may cancel.
 * Measured: at most 2.2e-2 and 3.4e-3.
 */
export const SHORT_TOLERANCES: Readonly<Record<ShortPrecision, number>> = { bf16: 2 ** -5, f16: 2 ** -8 };

/** All engines but the reference interpreter. */
const ROWS: Readonly<Record<Exclude<EngineName, 'reference'>, Omit<EngineRow, 'name'>>> = {
  'onnxruntime/cpu': {
    tier: 'onnxruntime',
    probe: async () => (await import('../onnxruntime/engine.ts')).probeOnnxRuntime(),
    open: async () => (await import('../onnxruntime/engine.ts')).createOnnxRuntimeEngine({ threads: 1 }),
    tolerance: 2e-6,
    shortPrecisions: [],
  },
  'onnxruntime/webgpu': {
    tier: 'webgpu',
    probe: async () => {
      (await import('../onnxruntime/testing/swiftshader.ts')).useSwiftShader();
      return (await import('../onnxruntime/webgpu-probe.ts')).probeWebGpu();
    },
    // If CPU nodes are refused, a case passes only if all its operations have a kernel on the device.
    open: async (precision = 'f32') =>
      (await import('../onnxruntime/webgpu.ts')).createWebGpuEngine({ precision, cpuNodes: 'refused' }),
    tolerance: 2e-6,
    shortPrecisions: ['f16'],
  },
  'openvino/cpu': {
    tier: 'openvino',
    probe: async () => (await import('../openvino/engine.ts')).probeOpenVino(),
    open: async (precision = 'f32') =>
      (await import('../openvino/engine.ts')).createOpenVinoEngine({ threads: 1, precision }),
    tolerance: 2e-6,
    shortPrecisions: ['bf16'],
  },
  'xla/cpu': {
    tier: 'xla',
    probe: async () => (await import('../xla/probe.ts')).probeXla('cpu'),
    open: async (precision = 'f32') =>
      (await import('../xla/engine.ts')).createXlaEngine({ platform: 'cpu', precision }),
    tolerance: 2e-6,
    shortPrecisions: ['bf16', 'f16'],
  },
  'xla/cuda': {
    tier: 'xla-cuda',
    probe: async () => (await import('../xla/probe.ts')).probeXla('cuda'),
    open: async (precision = 'f32') =>
      (await import('../xla/engine.ts')).createXlaEngine({ platform: 'cuda', precision }),
    tolerance: 2e-6,
    shortPrecisions: ['bf16', 'f16'],
  },
  tensorflow: {
    tier: 'tensorflow',
    probe: async () => (await import('../tensorflow/engine.ts')).probeTensorflow(),
    open: async () => (await import('../tensorflow/engine.ts')).createTensorflowEngine({ threads: 1 }),
    tolerance: 2e-6,
    shortPrecisions: [],
  },
};

export const ENGINE_ROWS: readonly EngineRow[] = Object.entries(ROWS).map(([name, row]) => ({ name, ...row }));

/**
 * Returns the result `y` of a case, and `g0`, `g1` ...: gradients of its weighted sum by the f32 inputs `x0`, `x1` ...
 */
export function traceCase(testCase: OpCase): Graph {
  return trace(builder => {
    const inputs = testCase.inputs.map(({ shape, dtype = 'f32' }, i) => builder.input(`x${i}`, { shape, dtype }));
    const y = testCase.build(inputs);
    const gradients = grad(
      weightedSum(y),
      inputs.filter(input => input.dtype === 'f32'),
    );
    return { outputs: { y, ...Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])) } };
  });
}

export function feedsOf(testCase: OpCase): Record<string, Tensor> {
  return Object.fromEntries(
    testCase.inputs.map(({ shape, range, dtype = 'f32' }, i) => {
      const tensor = emptyTensor({ shape, dtype });
      tensor.data.set(randomValues(sizeOf(shape), i + 1, range));
      return [`x${i}`, tensor];
    }),
  );
}

/** Compiles a graph, runs it once without state, and frees everything. */
export async function runOnce(engine: Engine, graph: Graph, feeds: Record<string, Tensor>) {
  const state = engine.createState({});
  const executable = await engine.compile(graph);
  try {
    return await executable.run(state, feeds);
  } finally {
    await executable.dispose();
    state.dispose();
  }
}

/**
 * Cases with matrix products: only these depend on the precision. Without the gradients of gradients, whose products
 * cancel further, and which no training takes.
 */
export const PRODUCT_CASES: readonly OpCase[] = OP_CASES.filter(testCase => {
  if (testCase.op === 'attentionGradient') return false;
  const graph = traceCase(testCase);
  return graph.nodes.some(node => isFloat32Product(node, graph));
});

/**
 * Per output: the largest difference from the reference in f32, divided by the reference's largest element. The engine
 * multiplies matrices in `precision`. A missing output, another size or an unexpected NaN counts as Infinity.
 */
export async function measureCase(
  engine: Engine,
  reference: Engine,
  testCase: OpCase,
  precision: Precision = 'f32',
): Promise<Record<string, number>> {
  const graph = traceCase(testCase);
  const feeds = feedsOf(testCase);
  const expected = await expectedOf(reference, testCase, graph, feeds);
  const actual = await runOnce(engine, mixPrecision(graph, precision), feeds);
  return Object.fromEntries(
    Object.entries(expected).map(([name, tensor]) => [name, relativeError(tensor, actual[name])]),
  );
}

const known = new WeakMap<Engine, Map<OpCase, Promise<Record<string, Tensor>>>>();

/** What the reference computes, once for all engines. */
function expectedOf(reference: Engine, testCase: OpCase, graph: Graph, feeds: Record<string, Tensor>) {
  const results = known.get(reference) ?? new Map<OpCase, Promise<Record<string, Tensor>>>();
  known.set(reference, results);
  const expected = results.get(testCase) ?? runOnce(reference, graph, feeds);
  results.set(testCase, expected);
  return expected;
}

/** Smallest divisor of a relative error. */
const SMALLEST_SCALE = 1e-3;

function relativeError(expected: Tensor, actual: Tensor | undefined): number {
  if (actual?.data.length !== expected.data.length || actual.dtype !== expected.dtype) return Infinity;
  let scale = SMALLEST_SCALE;
  let largest = 0;
  for (const [i, x] of expected.data.entries()) {
    const difference = Math.abs(x - (actual.data[i] ?? Number.NaN));
    largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
    scale = Math.max(scale, Math.abs(x));
  }
  return largest / scale;
}
