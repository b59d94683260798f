/** @file NanoDiT: a diffusion transformer in pixel space that predicts the clean picture (or the velocity). */

import { ADALN_RANK, type ModelConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { linear, rmsNorm, silu } from '../compiler/composites.ts';
import { add, concat, cos, mul, reshape, sin, slice } from '../compiler/functions.ts';
import { remat } from '../compiler/remat.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import { applyBlock, type BlockContext, branchesOf, type Modulation, modulate } from './block.ts';
import { embedSignals } from './embed-signals.ts';
import type { Params } from './params.ts';
import { type PatchGeometry, patchDim, patchify, unpatchify } from './patches.ts';
import { FOURIER_DIM, fourierTable, frameOf, gridRotation } from './positions.ts';
import { keyBias } from './signals/context.ts';
import type { ConditionInputs } from './signals/signal.ts';
import { enterRoute, joinTokens, type RoutedTokens, type TokenRoute, takeRotation } from './token-route.ts';

const TIME_FREQUENCIES = 128;
/** The seed's high-frequency time embedding: t is scaled to [0, 1000]. */
const TIME_SCALE = 1000;

export interface NanoDitInputs {
  /** Noisy pixels [batch, 3, height, width]. */
  readonly z: Value;
  /** [batch]; 0 = data, 1 = noise. */
  readonly t: Value;
  readonly conditions: ConditionInputs;
  /** Gradient checkpointing: the backward pass computes the inside of blocks again. */
  readonly remat?: boolean;
  /** Emits attention as one operation, for an engine that has a kernel for it (`fusesAttention` of its tuning). */
  readonly fusesAttention?: boolean;
  /** Which image tokens go through which block; absent: all tokens go through all blocks. */
  readonly route?: TokenRoute;
}

export interface NanoDitOutputs {
  /** [batch, 3, height, width] */
  readonly prediction: Value;
  /**
   * The image tokens after block `block` (0 is the first), [batch, rows * columns, hidden]. Tokens that skip the block
   * are as they were at the start of their route. @throws Unprocessable when the model has no such block.
   */
  tap(block: number): Value;
  /** The image tokens that went through block `block`, i32 indices [batch, kept]; undefined: all. */
  routeOf(block: number): Value | undefined;
}

/** Geometry of the tokens of a picture. */
export function geometryOf(model: ModelConfig, height: number, width: number): PatchGeometry {
  const { patch_size: patch, patch_overlap: overlap, in_channels: channels } = model;
  return { channels, rows: height / patch, columns: width / patch, patch, overlap };
}

export function applyNanoDit(params: Params, model: ModelConfig, inputs: NanoDitInputs): NanoDitOutputs {
  const { builder } = params;
  const { z, t, conditions } = inputs;
  const [, , height = 0, width = 0] = z.shape;
  const geometry = geometryOf(model, height, width);
  const { rows, columns } = geometry;
  const hidden = model.hidden_size;

  const signals = builder.scope('conditions', () => embedSignals(params, model, conditions, { rows, columns }));
  const embedded = builder.scope('patch embedding', () => {
    const dim = patchDim(geometry);
    const narrow = linear(patchify(z, geometry), params.weight('patch.down', dim, model.bottleneck));
    const tokens = add(
      linear(narrow, params.weight('patch.up', model.bottleneck, hidden)),
      params.zeros('patch.bias', [hidden]),
    );
    const place = linear(fourierTable(builder, rows, columns), params.weight('patch.position', FOURIER_DIM, hidden));
    return add(tokens, place);
  });
  const conditioning = builder.scope('time', () => silu(signals.pooled.reduce(add, embedTime(params, t, hidden))));

  const contextOf = (rotation: Rotation, tokens: number): BlockContext => {
    const bias = keyBias(signals.context, branchesOf(model).includes('attention') ? tokens : 0);
    const fusesAttention = inputs.fusesAttention ?? false;
    return { groups: signals.context, rotation, fusesAttention, ...(bias && { bias }) };
  };
  let routed: RoutedTokens = { tokens: signals.spatial.reduce(add, embedded) };
  const { turn } = frameOf(model, { rows, columns });
  const rotation = gridRotation(builder, rows, columns, hidden / model.num_heads, [turn, turn]);
  const wholeContext = contextOf(rotation, rows * columns);
  const taps: RoutedTokens[] = [];
  for (let layer = 0; layer < model.depth; layer++) {
    routed = builder.scope('route', () => enterRoute(routed, inputs.route?.(layer)));
    const { tokens: x, route } = routed;
    const context = route ? contextOf(takeRotation(rotation, route.indices), x.shape[1] ?? 0) : wholeContext;
    const block = () => {
      const modulation = modulationOf(params, model, layer, conditioning);
      return applyBlock(params, model, `blocks.${layer}`, x, context, modulation);
    };
    const tokens = builder.scope(`block ${layer}`, () => (inputs.remat ? remat(builder, block) : block()));
    routed = { ...routed, tokens };
    taps.push(routed);
  }
  const x = builder.scope('route', () => joinTokens(routed));
  const prediction = builder.scope('head', () => {
    const packed = add(
      linear(conditioning, params.zeros('head.adaln', [hidden, 2 * hidden])),
      params.zeros('head.adaln_bias', [2 * hidden]),
    );
    const [shift, scale] = splitModulation(packed, hidden);
    const normal = shift && scale ? modulate(rmsNorm(x), shift, scale) : x;
    const dim = patchDim(geometry);
    const pixels = add(linear(normal, params.zeros('head.out', [hidden, dim])), params.zeros('head.bias', [dim]));
    return unpatchify(pixels, geometry);
  });
  return { prediction, tap: block => tapOf(taps, block), routeOf: block => taps[block]?.route?.indices };
}

function tapOf(taps: readonly RoutedTokens[], block: number): Value {
  const routed = taps[block];
  if (routed) return joinTokens(routed);
  throw new Unprocessable(`the model has no block ${block} whose tokens could be read`, {
    expected: `a block from 0 to ${taps.length - 1}`,
  });
}

/** t [batch] -> [batch, hidden]. */
function embedTime(params: Params, t: Value, hidden: number): Value {
  const [batch = 0] = t.shape;
  const frequencies = Array.from({ length: TIME_FREQUENCIES }, (_, i) =>
    Math.fround(TIME_SCALE * Math.exp((-Math.log(10_000) * i) / TIME_FREQUENCIES)),
  );
  const angles = mul(reshape(t, [batch, 1]), params.builder.constant(frequencies, [1, TIME_FREQUENCIES]));
  const features = concat([cos(angles), sin(angles)], 1);
  const first = add(
    linear(features, params.weight('time.in', 2 * TIME_FREQUENCIES, hidden)),
    params.zeros('time.in_bias', [hidden]),
  );
  return add(linear(silu(first), params.weight('time.out', hidden, hidden)), params.zeros('time.out_bias', [hidden]));
}

/**
 * The modulation of each branch of a block. All are 0 at the start of training, so every block begins as the identity.
 */
function modulationOf(params: Params, model: ModelConfig, layer: number, conditioning: Value): Modulation[] {
  const hidden = model.hidden_size;
  const width = 3 * branchesOf(model).length * hidden;
  const projected = MODULATIONS[model.adaln](params, model, `blocks.${layer}.adaln`, conditioning, width);
  const packed = add(projected, params.zeros(`blocks.${layer}.adaln_bias`, [width]));
  const parts = splitModulation(packed, hidden);
  return branchesOf(model).map((branch, index) => {
    const [shift, scale, gate] = parts.slice(3 * index);
    if (!shift || !scale || !gate) throw new TypeError(`the branch ${branch} needs three modulations`);
    return [shift, scale, gate];
  });
}

/** Maps the conditioning [batch, hidden] to the modulations of one block, [batch, width], without the bias. */
type ModulationMap = (params: Params, model: ModelConfig, name: string, conditioning: Value, width: number) => Value;

const MODULATIONS: Readonly<Record<ModelConfig['adaln'], ModulationMap>> = {
  shared: (params, { hidden_size }, _, conditioning, width) =>
    linear(conditioning, params.zeros('adaln', [hidden_size, width])),

  full: (params, { hidden_size }, name, conditioning, width) =>
    linear(conditioning, params.zeros(name, [hidden_size, width])),

  lowrank(params, { hidden_size, adaln_rank = ADALN_RANK }, name, conditioning, width) {
    const narrow = linear(conditioning, params.weight(`${name}_down`, hidden_size, adaln_rank));
    return linear(narrow, params.zeros(`${name}_up`, [adaln_rank, width]));
  },
};

/** Cuts [batch, count * hidden] into `count` pieces [batch, 1, hidden]. */
function splitModulation(packed: Value, hidden: number): Value[] {
  const [batch = 0, width = 0] = packed.shape;
  return Array.from({ length: width / hidden }, (_, i) =>
    reshape(slice(packed, 1, i * hidden, (i + 1) * hidden), [batch, 1, hidden]),
  );
}
