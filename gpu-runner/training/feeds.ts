/** @file Makes the inputs of the gradient graph from samples. */
import type { ConditionNoise } from '../../configs/augmentation.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { isPadded, SIGNAL_NAMES, type SignalName, shapeOfSignal } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { widenF16 } from '../../formats/half.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { emptyTensor, type Shape, sizeOf, type Tensor } from '../compiler/tensor.ts';
import { type BatchShape, ROUTE_INPUT, type RouteShape } from '../model/batch.ts';
import { drawRoutes, tokensOf } from '../model/draw-route.ts';
import { addConditionNoise, drawNoise, drawSignals, drawTimes, shiftTimes } from './draws.ts';
import { hideParts } from './hide-parts.ts';
import type { ColumnShape } from './losses/loss-term.ts';
import { columnInputsOf } from './losses/losses.ts';
import type { StoredSignal, TrainingItem } from './source.ts';

/** Parts of the feeds that are not in the samples. */
interface FeedOptions {
  /** Columns that losses read. Condition dropout does not touch them. */
  readonly columns?: ReadonlyMap<SignalName, ColumnShape>;
  /** Share of each sample in the loss of its update; absent: all samples of the update count alike. */
  readonly shares?: ArrayLike<number>;
  /** t of each sample; absent: drawn for the update of the first sample, to which the others belong. */
  readonly times?: ArrayLike<number>;
  /** Noise on the signals that samples keep; absent: none. Columns that losses read have none. */
  readonly noise?: ConditionNoise | undefined;
}

/** Builds the feeds of a micro-batch. Sample i has the ordinal `first + i`. The next call reuses the buffers. */
export class FeedBuilder {
  readonly #config: KeyedConfig;
  readonly #buffers = new Map<string, Tensor & { readonly data: Float32Array }>();

  constructor(config: KeyedConfig) {
    this.#config = config;
  }

  build(
    samples: readonly TrainingItem[],
    first: number,
    shape: BatchShape,
    { columns = new Map(), shares, times = this.#drawTimes(first, samples), noise: strengths }: FeedOptions = {},
  ): Record<string, Tensor> {
    const { seed, objective, model, data } = this.#config;
    const pixels: Shape = [shape.batch, 3, shape.height, shape.width];
    const feeds: Record<string, Tensor> = {};
    const buffer = (name: string, size: Shape) => {
      const tensor = this.#buffer(name, size);
      feeds[name] = tensor;
      return tensor.data;
    };
    const [x0, noise] = [buffer('x0', pixels), buffer('noise', pixels)];
    const [t, share] = [buffer('t', [shape.batch]), buffer('share', [shape.batch])];
    const frame = { height: shape.height, width: shape.width, tokens: shape.textTokens };
    const targets = SIGNAL_NAMES.flatMap(name => {
      const axes = shapeOfSignal(model.conditions, name, frame);
      if (axes === undefined) return [];
      const data = buffer(name, [shape.batch, ...axes]).fill(0);
      const mask = isPadded(name) ? buffer(`${name}_mask`, [shape.batch, axes[0] ?? 0]).fill(0) : undefined;
      return [{ name, axes, data, mask, keep: buffer(`keep_${name}`, [shape.batch]).fill(0) }];
    });

    const wanted = [...columns].map(([name, shapeOf]) => {
      const [axes, inputs] = [shapeOf(frame), columnInputsOf(name)];
      const data = buffer(inputs.value, [shape.batch, ...axes]).fill(0);
      return { name, axes, length: sizeOf(axes), data, present: buffer(inputs.present, [shape.batch]).fill(0) };
    });

    if (shape.route) feeds[ROUTE_INPUT] = this.#drawRoutes(first, shape, shape.route);
    const area = shape.height * shape.width;
    const size = 3 * area;
    const mask = objective.mask && buffer('mask', [shape.batch, 1, shape.height, shape.width]).fill(1);
    for (const [i, sample] of samples.entries()) {
      const ordinal = first + i;
      for (let k = 0; k < size; k++) x0[i * size + k] = sample.pixels[k]! / 127.5 - 1;
      if (mask && objective.mask && sample.mask) {
        const { unmasked_weight: least } = objective.mask;
        for (let k = 0; k < area; k++) mask[i * area + k] = Math.max(least, sample.mask[k]! / 255);
      }
      drawNoise(seed, ordinal, noise.subarray(i * size, (i + 1) * size));
      t[i] = times[i] ?? Number.NaN;
      share[i] = shares?.[i] ?? 1 / data.batch_size;
      // A text without tokens is no text.
      const present = targets.flatMap(({ name }) => ((sample.signals[name]?.rows ?? 0) > 0 ? [name] : []));
      const signals = drawSignals(seed, ordinal, objective.cfg_dropout, present);
      for (const { name, axes, data, mask, keep } of targets) {
        const source = sample.signals[name];
        if (!source || !signals.has(name)) continue;
        const length = sizeOf(axes);
        checkSignal(name, sample, source, axes);
        copySignal(source, length, data, i * length);
        const strength = name === 'pose' ? 0 : (strengths?.[name] ?? 0);
        if (strength > 0) {
          const taken = data.subarray(i * length, i * length + Math.min(length, source.data.length));
          addConditionNoise(seed, name, ordinal, strength, taken);
        }
        if (objective.masking) {
          const own = data.subarray(i * length, (i + 1) * length);
          hideParts(name, objective.masking, { seed, ordinal, shape: axes, data: own });
        }
        const [rows = 0] = axes;
        mask?.fill(1, i * rows, i * rows + Math.min(source.rows, rows));
        keep[i] = 1;
      }
      for (const { name, axes, length, data, present } of wanted) {
        const source = sample.signals[name];
        if (!source) continue;
        checkSignal(name, sample, source, axes);
        copySignal(source, length, data, i * length);
        present[i] = 1;
      }
    }
    return feeds;
  }

  /** The routes of the samples from `first` on. */
  #drawRoutes(first: number, shape: BatchShape, { kept }: RouteShape): Tensor {
    const { seed, model } = this.#config;
    const streams = Array.from({ length: shape.batch }, (_, i) => new RandomStream(seed, 'route', first + i));
    return drawRoutes(streams, tokensOf(model, shape), kept);
  }

  /** The times from the sample `first` on to the end of its update. */
  #drawTimes(first: number, samples: readonly TrainingItem[]): Float32Array {
    const { seed, objective, data } = this.#config;
    const place = first % data.batch_size;
    const all = drawTimes(seed, (first - place) / data.batch_size, data.batch_size, objective);
    return shiftTimes(all.subarray(place), samples, objective);
  }

  /** An update may have pictures of several sizes, whose buffers differ in length. */
  #buffer(name: string, shape: Shape): Tensor & { readonly data: Float32Array } {
    const key = `${name} ${sizeOf(shape)}`;
    const known = this.#buffers.get(key);
    if (known) return { ...known, shape };
    const tensor = { ...emptyTensor({ shape, dtype: 'f32' }), data: new Float32Array(sizeOf(shape)) };
    this.#buffers.set(key, tensor);
    return tensor;
  }
}

/** @throws Unprocessable when the stored signal has another shape than the network is fed. */
function checkSignal(name: SignalName, { id }: TrainingItem, { rows, data }: StoredSignal, axes: Shape): void {
  const [own, ...rest] = isPadded(name) ? [rows, ...axes.slice(1)] : axes;
  const expected = sizeOf([own ?? 1, ...rest]);
  if (data.length === expected) return;
  throw new Unprocessable(`${name} of ${id} has ${data.length} numbers`, {
    expected: `${expected}: the shape [${[own, ...rest].join(', ')}] that the config asks for`,
    hint: 'encode the dataset again with the encoder that the config names',
  });
}

/** At most `length` numbers from the front, as f32. */
function copySignal({ data }: StoredSignal, length: number, target: Float32Array, at: number): void {
  const taken = data.subarray(0, length);
  if (taken instanceof Float32Array) target.set(taken, at);
  else widenF16(taken, target, at);
}
