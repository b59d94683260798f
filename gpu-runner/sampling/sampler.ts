/** @file Makes pictures from weights. Previews and the samples of users share this one sampler. */

import { MOST_PER_RUN } from '../../configs/model-size.ts';
import { noiseScaleOf } from '../../configs/noise-level.ts';
import { tellNotFinite } from '../../configs/not-finite.ts';
import { checkSampleSize } from '../../configs/sample-size.ts';
import type { Sampling } from '../../configs/sampling.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { requireRoute } from '../../configs/tread.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import type { Engine, Tensors } from '../compiler/engine.ts';
import { emptyTensor, type Shape, type Tensor } from '../compiler/tensor.ts';
import { type BatchShape, fedTextTokens, ROUTE_INPUT, type RouteShape } from '../model/batch.ts';
import { drawRoutes, routeShapeOf, tokensOf } from '../model/draw-route.ts';
import { countIdleSteps, createGuide } from './guidance.ts';
import type { Predict, TermName } from './guide.ts';
import { integrate } from './integrate.ts';
import { STEP_INPUTS } from './predict-graph.ts';
import { PREDICTIONS } from './predictions.ts';
import { type Conditioning, Predictor, type Specs } from './predictor.ts';
import { SOLVERS } from './solvers.ts';
import { TIME_GRIDS } from './time-grids.ts';

/** Conditions of n pictures by tensor name: see `sampleJobSchema` (gpu-runner/protocol.ts). Absent: dropped. */
export type SampleConditions = Readonly<Record<string, Tensor>>;

export interface SampleRequest extends Sampling {
  readonly conditions: SampleConditions;
  readonly height: number;
  readonly width: number;
  /** Picture i starts from the noise of (seed, first + i). */
  readonly first: number;
  /** Picture i starts from the noise of (seed, noise[i]) instead. Also the number of pictures without a condition. */
  readonly noise?: readonly number[] | undefined;
}

/** The routes of the pictures of a run. Each evaluation of the network draws others. */
interface RouteSource {
  readonly shape: RouteShape;
  draw(): Tensor;
}

export class Sampler {
  readonly #config: KeyedConfig;
  readonly #predictor: Predictor;

  /** @param weights By name of the parameter, without prefix. */
  constructor(engine: Engine, config: KeyedConfig, weights: Tensors) {
    this.#config = config;
    this.#predictor = new Predictor(engine, config.model, weights);
  }

  /**
   * Returns pixels, uint8 [n, height, width, 3]. Picture i depends on its own conditions, the seed and the number of
   * its noise. In f32 it does not depend on the other pictures; in shorter formats the longest text decides roundings.
   * @throws Unprocessable if a number of a picture is not finite.
   */
  async sample(
    request: SampleRequest,
    onStep: (done: number, total: number) => Promise<void> = async () => {},
  ): Promise<Uint8Array> {
    checkSampleSize(request, this.#config.model);
    const count = countOf(request);
    const size = 3 * request.height * request.width;
    const pixels = new Uint8Array(count * size);
    const runs = Math.ceil(count / MOST_PER_RUN);
    for (let run = 0; run < runs; run++) {
      const start = run * MOST_PER_RUN;
      const batch = Math.min(MOST_PER_RUN, count - start);
      const z = await this.#sampleBatch(request, start, batch, done =>
        onStep(run * request.steps + done, runs * request.steps),
      );
      if (z.some(Number.isNaN)) throw tellNotFinite();
      writePixels(z, pixels.subarray(start * size, (start + batch) * size), request.height * request.width);
    }
    return pixels;
  }

  async dispose(): Promise<void> {
    await this.#predictor.dispose();
  }

  async #sampleBatch(
    request: SampleRequest,
    start: number,
    batch: number,
    onStep: (done: number) => Promise<void>,
  ): Promise<Float32Array> {
    const { objective, data } = this.#config;
    const { conditions, width, height } = request;
    const shape: BatchShape = { batch, height, width, textTokens: this.#textTokens(conditions) };
    const { negative_text: text, negative_text_mask: mask } = conditions;
    const negative: SampleConditions = text && mask ? { text, text_mask: mask } : {};

    const size = 3 * height * width;
    const z = new Float32Array(batch * size);
    for (let i = 0; i < batch; i++) {
      new RandomStream(request.seed, 'sample', noiseOf(request, start + i)).fillNormal(
        z.subarray(i * size, (i + 1) * size),
      );
    }
    const scale = noiseScaleOf(objective, { width, height });
    for (let k = 0; k < z.length; k++) z[k] = z[k]! * scale;

    const pixels: Shape = [batch, 3, height, width];
    const conditioningOf = (given: SampleConditions): Conditioning => {
      // Large, and made only for networks that the guidance runs.
      let feeds: Tensors | undefined;
      return {
        feeds(inputs) {
          if (inputs.size === 0) return {};
          feeds ??= makeFeeds(inputs, given, start);
          return feeds;
        },
      };
    };
    const networkOf = (conditioning: Conditioning, routes?: RouteSource): Predict => {
      const routed = routes ? { ...shape, route: routes.shape } : shape;
      return (state, t) =>
        this.#predictor.predict(routed, conditioning, {
          z: { shape: pixels, dtype: 'f32', data: state },
          t: { shape: [batch], dtype: 'f32', data: new Float32Array(batch).fill(t) },
          ...(routes && { [ROUTE_INPUT]: routes.draw() }),
        });
    };
    const prediction = PREDICTIONS[objective.prediction_type];
    const isSelfGuided = request.guidance_method === 'self_guidance';
    const routes = isSelfGuided ? this.#openRoutes(request, start, batch) : undefined;
    const terms = Object.entries(termsOf(conditions, negative)).map(([name, given]) => [
      name,
      networkOf(conditioningOf(given)),
    ]);
    const whole = conditioningOf(conditions);
    const guide = createGuide({
      sampling: request,
      conditional: networkOf(whole),
      unconditional: networkOf(conditioningOf(negative)),
      routed: routes && networkOf(whole, routes),
      terms: Object.fromEntries(terms),
      prediction,
      pictureLength: size,
    });
    const pictures = { size: { width, height }, trained: data.image_size, objective };
    const times = TIME_GRIDS[request.time_grid](request, pictures);
    const parts = { times, guide, prediction, solve: SOLVERS[request.solver](request) };
    try {
      return await integrate(z, { ...parts, idleSteps: countIdleSteps(request) }, onStep);
    } finally {
      this.#predictor.release();
    }
  }

  /** Tokens that reach to the end of the longest text. Later tokens are masked in every row. */
  #textTokens(conditions: SampleConditions): number {
    let longest = 1;
    for (const mask of [conditions.text_mask, conditions.negative_text_mask]) {
      const width = mask?.shape[1] ?? 1;
      for (const [i, visible] of mask?.data.entries() ?? []) {
        if (visible !== 0) longest = Math.max(longest, (i % width) + 1);
      }
    }
    return fedTextTokens(this.#config.model, longest);
  }

  /** @throws Unprocessable if the model was trained without a route. */
  #openRoutes(request: SampleRequest, start: number, batch: number): RouteSource {
    const shape = routeShapeOf(this.#config.model, requireRoute(this.#config.objective), request);
    const streams = Array.from(
      { length: batch },
      (_, i) => new RandomStream(request.seed, 'sample route', noiseOf(request, start + i)),
    );
    return { shape, draw: () => drawRoutes(streams, tokensOf(this.#config.model, request), shape.kept) };
  }
}

/** The conditions of each term of the guidance: see `GuidanceInput`. */
function termsOf(
  { text, text_mask, cls, patches, pose }: SampleConditions,
  negative: SampleConditions,
): Partial<Record<TermName, SampleConditions>> {
  return {
    ...(text && text_mask && { text: { text, text_mask } }),
    ...((cls || patches) && { reference: { ...negative, ...(cls && { cls }), ...(patches && { patches }) } }),
    ...(pose && { pose: { ...negative, pose } }),
  };
}

/** Rows of every signal from `start` on; an absent signal is zeros with keep 0. */
function makeFeeds(inputs: Specs, conditions: SampleConditions, start: number): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, spec] of inputs) {
    if (STEP_INPUTS.has(name)) continue;
    const tensor = emptyTensor(spec);
    const source = conditions[name.replace('keep_', '')];
    if (source !== undefined) {
      if (name.startsWith('keep_')) tensor.data.fill(1);
      else copyRows(source, tensor, start);
    }
    feeds[name] = tensor;
  }
  return feeds;
}

/** Copies rows of `source` from `start` on into `target`. The second axis of `target` may be shorter. */
function copyRows(source: Tensor, target: Tensor, start: number): void {
  const [rows = 0, wide = 1] = source.shape;
  const [count = 0, narrow = 1] = target.shape;
  const [sourceRow, targetRow] = [source.data.length / rows, target.data.length / count];
  const taken = (sourceRow / wide) * Math.min(wide, narrow);
  for (let i = 0; i < Math.min(count, rows - start); i++) {
    const from = (start + i) * sourceRow;
    target.data.set(source.data.subarray(from, from + taken), i * targetRow);
  }
}

function noiseOf({ first, noise }: SampleRequest, picture: number): number {
  return noise?.[picture] ?? first + picture;
}

function countOf({ conditions, noise }: SampleRequest): number {
  for (const signal of SIGNAL_NAMES) {
    const count = conditions[signal]?.shape[0];
    if (count === undefined) continue;
    if (noise === undefined || noise.length === count) return count;
    throw new Internal(`${noise.length} numbers of noise for ${count} pictures`);
  }
  if (noise) return noise.length;
  throw new Unprocessable('the request has no condition', { expected: `at least one of ${SIGNAL_NAMES.join(', ')}` });
}

/** f32 [n, 3, area] in [-1, 1] -> uint8 [n, area, 3], rounded. */
function writePixels(z: Float32Array, pixels: Uint8Array, area: number): void {
  for (let k = 0; k < z.length; k++) {
    const picture = Math.floor(k / (3 * area));
    const channel = Math.floor(k / area) % 3;
    const value = Math.round((z[k]! + 1) * 127.5);
    pixels[(picture * area + (k % area)) * 3 + channel] = Math.min(255, Math.max(0, value));
  }
}
