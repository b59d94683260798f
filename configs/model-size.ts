/**
 * @file Bounds of a training's memory, and its work, from the config alone: in microseconds, without a graph. They
 * decide most cases, so that few need a plan. Of the parameters only those of the blocks count, so true memory lies
 * above the lower bound.
 */

import { contextSignalsOf } from './architecture.ts';
import { averagesOf } from './averages.ts';
import { type KeyedConfig, type ModelConfig, trainsAll } from './schema.ts';
import { shapeOfSignal } from './signals.ts';

/** Pixels and text tokens of the pictures. */
export interface PictureFrame {
  readonly width: number;
  readonly height: number;
  readonly textTokens: number;
}

const F32 = 4;
/** Values that training keeps of a token in a block, in units of the hidden size: 37 measured on the presets. */
const KEPT_PER_TOKEN = 80;
/** Copies of attention scores that a block keeps: 5 measured. */
const KEPT_SCORES = 8;
/** Kernels of the programs of a training for a block: 80 MiB predicted for OpenVINO, little on other engines. */
const PROGRAM_BYTES_PER_BLOCK = 2 ** 27;
/** Scores of one block beyond this are computed in chunks. */
const WHOLE_SCORES = 2 ** 27;

export const imageTokensOf = ({ patch_size }: ModelConfig, { width, height }: PictureFrame): number =>
  (width * height) / patch_size ** 2;

/** Registers that enter late count in all blocks. */
const registersOf = ({ registers }: ModelConfig): number => registers?.count ?? 0;

/** Image tokens and registers: the queries of a block. */
const queriesOf = (model: ModelConfig, frame: PictureFrame): number => imageTokensOf(model, frame) + registersOf(model);

/** Tokens of the signals that image tokens attend to. */
export function contextTokensOf(model: ModelConfig, frame: PictureFrame): number {
  const tokens = contextSignalsOf(model).map(name => {
    const shape = shapeOfSignal(model.conditions, name, { ...frame, tokens: frame.textTokens }) ?? [];
    return shape.slice(0, -1).reduce((product, size) => product * size, 1);
  });
  return tokens.reduce((sum, each) => sum + each, 0);
}

/** Tokens that image tokens attend to, themselves included. */
const keysOf = (model: ModelConfig, frame: PictureFrame): number =>
  queriesOf(model, frame) + contextTokensOf(model, frame);

/** Matrices of an MLP. */
const mlpMatricesOf = ({ mlp }: ModelConfig): number => (mlp === 'gelu' ? 2 : 3);

/** Parameters of the matrices in the blocks. */
function blockParameters(model: ModelConfig): number {
  const { arch, hidden_size: hidden, mlp_ratio, depth } = model;
  const attention = arch === 'cross' && contextSignalsOf(model).length > 0 ? 8 : 4;
  return depth * hidden ** 2 * (attention + mlpMatricesOf(model) * mlp_ratio);
}

/** Bytes of weights, gradients, moments and averages of the blocks. */
function stateBytes({ model, optimizer }: KeyedConfig): number {
  const moments = optimizer.type === 'muon' ? 1 : 2;
  return weightBytes(model) * (2 + moments + averagesOf(optimizer).length);
}

/** Bytes of the blocks' matrices. */
function weightBytes(model: ModelConfig): number {
  // mlp_ratio is rounded to a multiple of 16 units.
  return 0.95 * F32 * blockParameters(model);
}

/** No cut of the training needs less: its state, and the tokens between blocks of one sample in two bytes a number. */
export function leastTrainingBytes(config: KeyedConfig, frame: PictureFrame): number {
  const { hidden_size, depth } = config.model;
  const state = trainsAll(config) ? stateBytes(config) : weightBytes(config.model);
  return state + 2 * imageTokensOf(config.model, frame) * hidden_size * depth;
}

/**
 * The training needs less on every engine, with this micro-batch, without gradient checkpointing. Infinity with losses
 * beside flow matching: their nets are known to a plan only.
 */
export function mostTrainingBytes(config: KeyedConfig, frame: PictureFrame, microBatch: number): number {
  const { flow_matching: _, ...others } = config.objective.losses ?? {};
  if (Object.values(others).some(({ weight }) => weight > 0)) return Number.POSITIVE_INFINITY;
  const { hidden_size, depth, num_heads } = config.model;
  const tokens = queriesOf(config.model, frame);
  const scores = Math.min(WHOLE_SCORES, F32 * microBatch * num_heads * tokens * keysOf(config.model, frame));
  const kept = F32 * microBatch * keysOf(config.model, frame) * hidden_size * KEPT_PER_TOKEN;
  // Two buffers of the state and the copies of a checkpoint; the iteration of Muon; embeddings, the time and the head.
  const fixed = 4.5 * stateBytes(config) + 2 ** 28;
  return fixed + depth * (PROGRAM_BYTES_PER_BLOCK + kept + KEPT_SCORES * scores);
}

/** Pictures that are sampled at a time. */
export const MOST_PER_RUN = 64;

/** A sample needs less than this beside the weights, which are loaded: one block at a time, and pictures. */
export function mostSamplingBytes(model: ModelConfig, frame: PictureFrame, pictures: number): number {
  const batch = Math.min(MOST_PER_RUN, pictures);
  const tokens = queriesOf(model, frame);
  const keys = keysOf(model, frame);
  const kept = F32 * batch * keys * model.hidden_size * KEPT_PER_TOKEN;
  // Engines on the CPU compute the scores of a block at once: 1 copy measured.
  const scores = 3 * F32 * batch * model.num_heads * tokens * keys;
  return 2 ** 28 + kept + scores + pictureBytes(frame, pictures);
}

/** Noise, predictions and results of the pictures as they are sampled. */
function pictureBytes({ width, height }: PictureFrame, pictures: number): number {
  return 3 * width * height * (pictures + 6 * F32 * Math.min(MOST_PER_RUN, pictures));
}

/** Operations of one prediction of one sample: matrix products of blocks, and attention. Two per multiply-add. */
export function forwardFlops(model: ModelConfig, frame: PictureFrame): number {
  return model.depth * blockFlops(model, frame, imageTokensOf(model, frame));
}

/** Operations of a block that `imageTokens` and the registers go through. */
export function blockFlops(model: ModelConfig, frame: PictureFrame, imageTokens: number): number {
  const { hidden_size: hidden, mlp_ratio } = model;
  const tokens = imageTokens + registersOf(model);
  const context = contextTokensOf(model, frame);
  const isCross = model.arch === 'cross' && context > 0;
  const perToken = 4 + mlpMatricesOf(model) * mlp_ratio + (isCross ? 2 : 0);
  const products = tokens * hidden ** 2 * perToken + context * hidden ** 2 * 2;
  const attention = 2 * tokens * (tokens + context) * hidden;
  return 2 * (products + attention);
}
