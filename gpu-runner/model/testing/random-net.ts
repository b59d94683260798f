/** @file A small net with random weights, and feeds for it. */
import type { ModelConfig } from '../../../configs/schema.ts';
import { RandomStream } from '../../../numerics/random-stream.ts';
import type { Tensors } from '../../compiler/engine.ts';
import { graphInputs } from '../../compiler/graph.ts';
import { emptyTensor, type Tensor } from '../../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../../engines/onnxruntime/engine.ts';
import { tracePredictGraph } from '../../sampling/predict-graph.ts';
import type { PictureSize } from '../batch.ts';
import { listParams } from '../list-params.ts';
import { initializeParams, type Params, paramState } from '../params.ts';

/** Shared by all nets. */
const engine = createOnnxRuntimeEngine({ threads: 1 });
const shape = { batch: 2, height: 16, width: 16, textTokens: 8 };
export const SIGNALS = ['text', 'cls', 'patches', 'pose'] as const;
export type Feeds = Readonly<Record<string, Tensor>>;

/** The parameters that the model declares. */
export function specsOf(model: ModelConfig, frame: PictureSize = shape): Params['specs'] {
  return listParams(model, frame);
}

/** Random numbers for every parameter: gates that start at 0 would hide the blocks. */
export function randomWeights(model: ModelConfig): Tensors {
  return fillWeights(specsOf(model).map(spec => ({ ...spec, std: spec.std || 0.2 })));
}

/** The weights of an untrained net. */
export function initialWeights(model: ModelConfig): Tensors {
  return fillWeights(specsOf(model));
}

function fillWeights(specs: Params['specs']): Tensors {
  return paramState(initializeParams(specs, (name, target) => new RandomStream(5, `init ${name}`).fillNormal(target)));
}

/** The largest difference of two predictions. */
export function differenceOf(a: Float32Array, b: Float32Array): number {
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN))));
}

/** Random conditions and times. All signals are kept. */
export function randomFeeds(model: ModelConfig): Feeds {
  const feeds: Record<string, Tensor> = {};
  const graph = tracePredictGraph(model, shape);
  for (const [index, [name, spec]] of [...graphInputs(graph)].entries()) {
    const tensor = emptyTensor(spec);
    const random = new RandomStream(9, 'sample', index);
    for (let i = 0; i < tensor.data.length; i++)
      tensor.data[i] = name === 't' || name === 'pose' ? random.uniform() : random.normal();
    if (name.startsWith('keep_')) tensor.data.fill(1);
    if (name === 'text_mask') tensor.data.set([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]);
    feeds[name] = tensor;
  }
  return feeds;
}

/** The prediction of a compiled model for feeds. @param weights Absent: those that the net was opened with. */
export type Predict = (feeds: Feeds, weights?: Tensors) => Promise<Float32Array>;

/** Compiles the model, with random weights unless others are given. */
export async function openNet(model: ModelConfig, weights: Tensors = randomWeights(model)): Promise<Predict> {
  const usual = engine.createState(weights);
  const executable = await engine.compile(tracePredictGraph(model, shape));
  return async (feeds, others) => {
    const { prediction } = await executable.run(others ? engine.createState(others) : usual, feeds);
    return Float32Array.from(prediction?.data ?? []);
  };
}

/** The feeds with one tensor mapped. */
export function withFeed(feeds: Feeds, name: string, change: (x: number, i: number) => number): Feeds {
  const tensor = feeds[name];
  if (!tensor) throw new Error(`no feed ${name}`);
  return { ...feeds, [name]: { ...tensor, data: Float32Array.from(tensor.data, change) } };
}

/** The feeds with one signal dropped. */
export const without = (feeds: Feeds, signal: string): Feeds => withFeed(feeds, `keep_${signal}`, () => 0);

/** The feeds with other numbers in one signal. */
export function withOther(feeds: Feeds, signal: string): Feeds {
  const changed = withFeed(feeds, signal, x => 3 - 2 * x);
  return signal === 'text' ? withFeed(changed, 'text_mask', (_, i) => i % 2) : changed;
}
