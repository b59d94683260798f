/** @file How far an engine is from the reference interpreter, case by case, and which engines are asked. */
import type { EngineName, Precision } from '../../../configs/engines.ts';
import type { Engine, EngineProbe } from '../../compiler/engine.ts';
import { grad } from '../../compiler/grad.ts';
import type { Graph } from '../../compiler/graph.ts';
import { mixPrecision } from '../../compiler/passes/mixed-precision.ts';
import { emptyTensor, sizeOf, type Tensor } from '../../compiler/tensor.ts';
import { OP_CASES, type OpCase, weightedSum } from '../../compiler/testing/cases.ts';
import { randomValues } from '../../compiler/testing/random.ts';
import { trace } from '../../compiler/trace.ts';

export interface EngineRow {
  readonly name: string;
  /** In test/tiers.ts: what its tests are skipped as where it is not available. */
  readonly tier: string;
  probe(): Promise<EngineProbe>;
  /** Called when the probe says that it is available, with a precision that it offers; default f32. */
  open(precision?: Precision): Promise<Engine>;
  /** Largest error that a case may have in f32, as {@link measureCase} gives it. */
  readonly tolerance: number;
  /** Precisions below f32 that it has on some machine. */
  readonly shortPrecisions: readonly ShortPrecision[];
}

export type ShortPrecision = Exclude<Precision, 'f32'>;

/**
 * The same for cases with matrix products in a short format. Each operand and each result is off by up to half a unit in the last place (2^-9
 * in bf16, 2^-12 in f16); gradients go through several products in a row, whose results may cancel. Measured: 1.7e-2 and 9.1e-4 at the most.
 */
export const SHORT_TOLERANCES: Readonly<Record<ShortPrecision, number>> = { bf16: 2 ** -5, f16: 2 ** -8 };

/** Every engine but the reference interpreter, which they are compared with. */
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
    // With nodes on the CPU refused, the cases tell that every operation has a kernel on the device.
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
  tensorflow: {
    tier: 'tensorflow',
    probe: async () => (await import('../tensorflow/engine.ts')).probeTensorflow(),
    open: async () => (await import('../tensorflow/engine.ts')).createTensorflowEngine({ threads: 1 }),
    tolerance: 2e-6,
    shortPrecisions: [],
  },
};

export const ENGINE_ROWS: readonly EngineRow[] = Object.entries(ROWS).map(([name, row]) => ({ name, ...row }));

/** A case's result `y`, and `g0`, `g1` ...: gradients of a weighted sum of it by its f32 inputs `x0`, `x1` ... */
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

/** Compiles, runs without state, and frees what that took. */
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

/** The cases that a precision makes a difference to. */
export const PRODUCT_CASES: readonly OpCase[] = OP_CASES.filter(testCase =>
  traceCase(testCase).nodes.some(({ op, dtype }) => op === 'matmul' && dtype === 'f32'),
);

/**
 * By output: the largest difference of an element from the reference's in f32, relative to the reference's largest element, when the
 * engine's matrix products are in `precision`. An output that is missing or of another size counts as Infinity, NaN against a number too.
 */
export async function measureCase(
  engine: Engine,
  reference: Engine,
  testCase: OpCase,
  precision: Precision = 'f32',
): Promise<Record<string, number>> {
  const graph = traceCase(testCase);
  const feeds = feedsOf(testCase);
  const expected = await runOnce(reference, graph, feeds);
  const actual = await runOnce(engine, mixPrecision(graph, precision), feeds);
  return Object.fromEntries(
    Object.entries(expected).map(([name, tensor]) => [name, relativeError(tensor, actual[name])]),
  );
}

/** Below this largest element, errors are absolute. */
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
