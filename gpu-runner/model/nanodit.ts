/** @file NanoDiT: a diffusion transformer in pixel space that predicts the clean picture (or the velocity). */

import { type GradientCheckpointing, recomputes } from '../../configs/gradient-checkpointing.ts';
import type { ModelConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { linear, silu } from '../compiler/composites.ts';
import { add } from '../compiler/functions.ts';
import { remat } from '../compiler/remat.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import { applyBlock, type BlockContext, branchesOf } from './block.ts';
import { embedSignals } from './embed-signals.ts';
import { applyHead } from './head.ts';
import { modulationOf } from './modulation.ts';
import type { Params } from './params.ts';
import { type PatchGeometry, patchDim, patchify } from './patches.ts';
import { FOURIER_DIM, fourierTable, frameOf, gridRotation } from './positions.ts';
import { enterRegisters, prependRegisters, rotationWithRegisters, splitRegisters } from './registers.ts';
import { keyBias } from './signals/context.ts';
import type { ConditionInputs } from './signals/signal.ts';
import { sincosGrid } from './sincos.ts';
import { embedTime } from './time-embedding.ts';
import { enterRoute, joinTokens, type RoutedTokens, type TokenRoute, takeRotation } from './token-route.ts';

export interface NanoDitInputs {
  /** Noisy pixels [batch, 3, height, width]. */
  readonly z: Value;
  /** [batch]; 0 = data, 1 = noise. */
  readonly t: Value;
  readonly conditions: ConditionInputs;
  /** Gradient checkpointing: the backward pass computes the inside of blocks again. */
  readonly remat?: GradientCheckpointing;
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
  const [batch = 0, , height = 0, width = 0] = z.shape;
  const geometry = geometryOf(model, height, width);
  const { rows, columns } = geometry;

  let embeddedTime: Value | undefined;
  const time = () => {
    embeddedTime ??= embedTime(params, model, t, { height, width });
    return embeddedTime;
  };
  const frame = { rows, columns, time };
  const signals = builder.scope('conditions', () => embedSignals(params, model, conditions, frame));
  const embedded = builder.scope('patch embedding', () => embedPatches(params, model, z, geometry));
  const conditioning = builder.scope('time', () => silu(signals.pooled.reduce(add, time())));

  const contextOf = (rotation: Rotation | undefined, tokens: number): BlockContext => {
    const bias = keyBias(signals.context, branchesOf(model).includes('attention') ? tokens : 0);
    const fusesAttention = inputs.fusesAttention ?? false;
    return { groups: signals.context, fusesAttention, ...(rotation && { rotation }), ...(bias && { bias }) };
  };
  let routed: RoutedTokens = { tokens: signals.spatial.reduce(add, embedded) };
  let registers: Value | undefined;
  const rotation = rotationOf(params, model, geometry);
  const taps: RoutedTokens[] = [];
  let context = contextOf(rotation, rows * columns);
  for (let layer = 0; layer < model.depth; layer++) {
    const before = routed;
    routed = builder.scope('route', () => enterRoute(before, inputs.route?.(layer)));
    const entering = enterRegisters(params, model, layer, batch);
    registers = entering ?? registers;
    const { tokens: x, route } = routed;
    if (entering || route?.indices.id !== before.route?.indices.id) {
      const turns = rotation && (route ? takeRotation(rotation, route.indices) : rotation);
      const count = registers?.shape[1] ?? 0;
      const all = turns && count > 0 ? rotationWithRegisters(turns, count) : turns;
      context = contextOf(all, count + (x.shape[1] ?? 0));
    }
    const [entered, seen] = [registers, context];
    const block = () => {
      const modulation = modulationOf(params, model, layer, conditioning);
      const tokens = entered ? prependRegisters({ registers: entered, tokens: x }) : x;
      return applyBlock(params, model, `blocks.${layer}`, tokens, seen, modulation);
    };
    const isRecomputed = recomputes(inputs.remat ?? false, layer);
    const after = builder.scope(`block ${layer}`, () => (isRecomputed ? remat(builder, block) : block()));
    const parts = entered ? splitRegisters(after, entered.shape[1] ?? 0) : { tokens: after };
    routed = { ...routed, tokens: parts.tokens };
    registers = 'registers' in parts ? parts.registers : undefined;
    taps.push(routed);
  }
  const x = builder.scope('route', () => joinTokens(routed));
  const prediction = builder.scope('head', () => applyHead(params, model, x, conditioning, geometry));
  return { prediction, tap: block => tapOf(taps, block), routeOf: block => taps[block]?.route?.indices };
}

/** Pixels -> a token per patch, at its place: [batch, rows * columns, hidden]. */
function embedPatches(params: Params, model: ModelConfig, z: Value, geometry: PatchGeometry): Value {
  const { builder } = params;
  const { rows, columns } = geometry;
  const { hidden_size: hidden, bottleneck } = model;
  const [dim, pixels] = [patchDim(geometry), patchify(z, geometry)];
  const projected =
    bottleneck === 0
      ? linear(pixels, params.weight('patch.proj', dim, hidden))
      : linear(
          linear(pixels, params.weight('patch.down', dim, bottleneck)),
          params.weight('patch.up', bottleneck, hidden),
        );
  const tokens = add(projected, params.zeros('patch.bias', [hidden]));
  if (model.position === 'sincos') return add(tokens, sincosGrid(builder, rows, columns, hidden));
  const place = linear(fourierTable(builder, rows, columns), params.weight('patch.position', FOURIER_DIM, hidden));
  return add(tokens, place);
}

/** The rotation of all image tokens. */
function rotationOf({ builder }: Params, model: ModelConfig, grid: PatchGeometry): Rotation | undefined {
  if (model.position === 'sincos') return undefined;
  const { turn } = frameOf(model, grid);
  return gridRotation(builder, grid.rows, grid.columns, model.hidden_size / model.num_heads, [turn, turn]);
}

function tapOf(taps: readonly RoutedTokens[], block: number): Value {
  const routed = taps[block];
  if (routed) return joinTokens(routed);
  throw new Unprocessable(`the model has no block ${block} whose tokens could be read`, {
    expected: `a block from 0 to ${taps.length - 1}`,
  });
}
