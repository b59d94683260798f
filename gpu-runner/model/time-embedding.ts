/** @file The conditioning that all blocks share: time, and the size of the picture. */
import type { ModelConfig } from '../../configs/schema.ts';
import { linear, silu } from '../compiler/composites.ts';
import { add, concat, cos, mul, reshape, sin } from '../compiler/functions.ts';
import type { Value } from '../compiler/trace.ts';
import type { Params } from './params.ts';

const TIME_FREQUENCIES = 128;
/** The seed's high-frequency time embedding: t is scaled to [0, 1000]. */
const TIME_SCALE = 1000;
/** Angles of the size features over an octave of area or aspect are pi / 8 times 2^0 ... 2^(n-1). */
const SIZE_BANDS = 6;

/** Pixels. */
interface PictureSize {
  readonly height: number;
  readonly width: number;
}

/** t [batch] -> [batch, hidden]. With `size_embedding` area and aspect of the picture are part of it. */
export function embedTime(params: Params, model: ModelConfig, t: Value, size: PictureSize): Value {
  const hidden = model.hidden_size;
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
  const time = add(
    linear(silu(first), params.weight('time.out', hidden, hidden)),
    params.zeros('time.out_bias', [hidden]),
  );
  return model.size_embedding ? add(time, embedSize(params, hidden, size)) : time;
}

/** [1, hidden]: a map, which starts at 0, of sines and cosines of the octaves of area and aspect. */
function embedSize(params: Params, hidden: number, { height, width }: PictureSize): Value {
  const octaves = [Math.log2(height * width), Math.log2(height / width)];
  const angles = octaves.flatMap(u => Array.from({ length: SIZE_BANDS }, (_, k) => (u * 2 ** k * Math.PI) / 8));
  const features = [...angles.map(Math.sin), ...angles.map(Math.cos)].map(Math.fround);
  const row = params.builder.constant(features, [1, features.length]);
  return linear(row, params.zeros('size.proj', [features.length, hidden]));
}
