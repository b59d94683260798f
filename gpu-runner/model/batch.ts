/** @file The shape of a batch and the graph inputs of its conditions. Training and sampling share them. */
import type { ModelConfig } from '../../configs/schema.ts';
import { isPadded, SIGNAL_NAMES, shapeOfSignal } from '../../configs/signals.ts';
import type { BlockRange } from '../../configs/tread.ts';
import type { Shape } from '../compiler/tensor.ts';
import type { Builder } from '../compiler/trace.ts';
import type { ConditionInputs } from './signals/signal.ts';
import type { TokenRoute } from './token-route.ts';

/** Pixels. */
export interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** Equal for equal sizes. */
export function sizeKey({ height, width }: PictureSize): string {
  return `${height}x${width}`;
}

/** Each size once. */
export function distinctSizes(sizes: readonly PictureSize[]): readonly PictureSize[] {
  return [...new Map(sizes.map(size => [sizeKey(size), size])).values()];
}

/** Sizes of a compiled graph. Another size needs another graph. */
export interface BatchShape extends PictureSize {
  readonly batch: number;
  /** Text tokens fed; at most model.conditions.text.tokens. */
  readonly textTokens: number;
  /** Absent: all image tokens go through all blocks. */
  readonly route?: RouteShape | undefined;
}

/** Text tokens that a graph is fed for texts of at most `longest` tokens: rounded up to a multiple of 8. */
export function fedTextTokens({ conditions }: ModelConfig, longest: number): number {
  return Math.min(conditions?.text?.tokens ?? 0, Math.ceil(Math.max(1, longest) / 8) * 8);
}

/** A route on which a part of the image tokens skips blocks. */
export interface RouteShape extends BlockRange {
  /** Image tokens of each sample that skip no block. */
  readonly kept: number;
}

/** Name of the graph input with the tokens of each sample that skip no block: distinct i32 indices [batch, kept]. */
export const ROUTE_INPUT = 'route';

/** Declares the input {@link ROUTE_INPUT} of a shape that has a route. */
export function declareRoute(builder: Builder, { batch, route }: BatchShape): TokenRoute | undefined {
  if (route === undefined) return undefined;
  const { first, last, kept } = route;
  const indices = builder.input(ROUTE_INPUT, { shape: [batch, kept], dtype: 'i32' });
  return layer => (layer >= first && layer <= last ? indices : undefined);
}

/** Declares the inputs of the signals that the model is conditioned on, under the names that the host feeds. */
export function declareConditions(builder: Builder, model: ModelConfig, shape: BatchShape): ConditionInputs {
  const { batch, height, width, textTokens: tokens } = shape;
  const input = (name: string, axes: Shape) => builder.input(name, { shape: [batch, ...axes], dtype: 'f32' });
  const declared = SIGNAL_NAMES.flatMap(name => {
    const axes = shapeOfSignal(model.conditions, name, { height, width, tokens });
    if (axes === undefined) return [];
    const value = input(name, axes);
    const mask = isPadded(name) ? input(`${name}_mask`, axes.slice(0, 1)) : undefined;
    return [[name, { value, ...(mask && { mask }), keep: input(`keep_${name}`, []) }] as const];
  });
  return Object.fromEntries(declared);
}
