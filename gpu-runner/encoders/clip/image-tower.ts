/** @file Pictures in CLIP: a vision transformer whose first token becomes the embedding. */
import { add, broadcast, concat, div, matmul, reshape, slice, sub, transpose } from '../../compiler/functions.ts';
import { interpolate } from '../../compiler/resample.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import { trace, type Value } from '../../compiler/trace.ts';
import type { PictureSize } from '../../model/batch.ts';
import { type NetWeights, refuseWeights, requireShape } from '../net-weights.ts';
import type { PictureNet } from '../picture-programs.ts';
import { paramsOf } from '../text/params.ts';
import { applyLinear, type TextEngine } from '../text/text-net.ts';
import { normalize, readBlocks, readNorm, readTower, runBlocks } from './tower.ts';

const AT = 'vision_model';
/** Of levels / 255, from the preprocessor of openai/clip. */
const MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const DEVIATION = [0.26862954, 0.26130258, 0.27577711] as const;

const BATCH = 8;
/** Tokens at once, padding included. */
const BATCH_TOKENS = 4096;

export interface ImageTower {
  readonly net: PictureNet;
  readonly state: Readonly<Record<string, Tensor>>;
  /** Numbers of an embedding. */
  readonly dim: number;
}

/** @throws Unprocessable for the weights of another network. */
export function readImageTower(weights: NetWeights, engine: TextEngine, heads: number): ImageTower {
  const tower = readTower(weights, AT, heads);
  const { hidden } = tower;
  const products = engine.precision === 'bf16' ? 'bf16' : 'f32';
  const [, , patch = 0] = requireShape(weights, `${AT}.embeddings.patch_embedding.weight`);
  const [places = 0] = requireShape(weights, `${AT}.embeddings.position_embedding.weight`);
  const [dim = 0] = requireShape(weights, 'visual_projection.weight');
  const cells = Math.round(Math.sqrt(places - 1));
  if (cells ** 2 !== places - 1) {
    throw refuseWeights(weights.encoder, `have ${places} positions`, 'a square number and one for the picture');
  }
  const projection = weights.read(`${AT}.embeddings.patch_embedding.weight`, [hidden, 3, patch, patch]);
  const state = {
    patches: { ...projection, shape: [hidden, 3 * patch ** 2] },
    class: weights.read(`${AT}.embeddings.class_embedding`, [hidden]),
    places: weights.read(`${AT}.embeddings.position_embedding.weight`, [places, hidden]),
    visual_projection: weights.read('visual_projection.weight', [dim, hidden]),
    ...readNorm(weights, `${AT}.pre_layrnorm`, hidden),
    ...readNorm(weights, `${AT}.post_layernorm`, hidden),
    ...readBlocks(weights, tower, products),
  };
  const net: PictureNet = {
    batchOf: () => Math.min(BATCH, Math.max(1, Math.floor(BATCH_TOKENS / places))),
    trace: (batch, { height, width }) =>
      trace(builder => {
        const picture = builder.input('pictures', { shape: [batch, 3, height, width], dtype: 'f32' });
        const param = paramsOf(builder, state);
        const seen = centre(fit(picture, { height, width }, cells * patch));
        const grid = reshape(seen, [batch, 3, cells, patch, cells, patch]);
        const flat = reshape(transpose(grid, [0, 2, 4, 1, 3, 5]), [batch * cells ** 2, 3 * patch ** 2]);
        const embedded = matmul(flat, param('patches'), { transposeB: true });
        const first = broadcast(reshape(param('class'), [1, 1, hidden]), [batch, 1, hidden]);
        const tokens = concat([first, reshape(embedded, [batch, cells ** 2, hidden])], 1);
        const placed = add(tokens, reshape(param('places'), [1, places, hidden]));
        const fused = engine.tuning?.fusesAttention ?? false;
        const states = runBlocks(normalize(placed, `${AT}.pre_layrnorm`, param), tower, { param, fused });
        const pooled = reshape(slice(states, 1, 0, 1), [batch, hidden]);
        return {
          outputs: { cls: applyLinear(normalize(pooled, `${AT}.post_layernorm`, param), param('visual_projection')) },
        };
      }),
  };
  return { net, state, dim };
}

/** The middle of the picture, whose shorter side becomes `side`: as CLIP's preprocessor does it, without rounding. */
function fit(picture: Value, { height, width }: PictureSize, side: number): Value {
  const scale = side / Math.min(height, width);
  const [rows, columns] = [height, width].map(each => Math.max(side, Math.floor(each * scale + 1e-9))) as [
    number,
    number,
  ];
  const scaled = interpolate(interpolate(picture, 2, rows, 'cubic', true), 3, columns, 'cubic', true);
  const [top, left] = [Math.floor((rows - side) / 2), Math.floor((columns - side) / 2)];
  return slice(slice(scaled, 2, top, top + side), 3, left, left + side);
}

/** Levels from 0 to 255 as the network was trained on them. */
function centre(picture: Value): Value {
  const of = (values: readonly number[]) => picture.builder.constant(values, [1, 3, 1, 1], 'f32');
  return div(sub(div(picture, 255), of(MEAN)), of(DEVIATION));
}
