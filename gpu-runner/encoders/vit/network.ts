/**
 * @file A vision transformer (arXiv 2010.11929) as a graph: DINOv2 (arXiv 2304.07193) with a table of positions, or
 * DINOv3 (arXiv 2508.10104) with rotary ones; registers (arXiv 2309.16588), layer scale, SwiGLU.
 */
import { attend } from '../../compiler/attention.ts';
import { geluErf, layerNorm, linear, swiglu } from '../../compiler/composites.ts';
import { add, broadcast, cast, concat, reshape, slice, transpose } from '../../compiler/functions.ts';
import { interpolate } from '../../compiler/resample.ts';
import { type Rotation, rotate } from '../../compiler/rotary.ts';
import type { Builder, Value } from '../../compiler/trace.ts';
import type { VitShape } from './pack-weights.ts';
import { patchRotation } from './patch-rotation.ts';

/** Scores that are held at once, in bytes: about what stays in the cache of a CPU. */
const SCORE_BYTES = 32 * 2 ** 20;

export interface VitOptions {
  /** So many of the last blocks are summed, each through the final norm; 1: the last one. */
  readonly layers: number;
  /** Emits attention as one operation, for engines that have a kernel for it. */
  readonly fusesAttention?: boolean;
}

export interface VitFeatures {
  /** Token 0: [batch, hidden]. */
  readonly cls: Value;
  /** The tokens of the patches, without registers: [batch, rows, columns, hidden]. */
  readonly patches: Value;
}

/** A weight of packWeights by its name, as f32. */
type WeightSource = (name: string) => Value;

/** @param picture [batch, 3, rows * patch, columns * patch], levels from 0 to 255. */
export function describePatches(
  picture: Value,
  shape: VitShape,
  weight: WeightSource,
  { layers, fusesAttention = false }: VitOptions,
): VitFeatures {
  const { builder } = picture;
  const { hidden, patch, registers, blocks, rotaryBase } = shape;
  const [batch = 0, , height = 0, width = 0] = picture.shape;
  const [rows, columns] = [height / patch, width / patch];
  const prefix = 1 + registers;
  const norm = (x: Value, name: string) =>
    layerNorm(x, { gain: weight(`${name}.gain`), bias: weight(`${name}.bias`), eps: shape.epsilon });
  const project = (x: Value, name: string) => add(linear(x, weight(name)), weight(`${name}_bias`));

  let x = builder.scope('patches', () => {
    const cells = reshape(picture, [batch, 3, rows, patch, columns, patch]);
    const flat = reshape(transpose(cells, [0, 2, 4, 1, 3, 5]), [batch, rows * columns, 3 * patch ** 2]);
    const embedded = project(flat, 'patch');
    const table = shape.table === undefined ? undefined : placesOf(weight('positions'), shape, rows, columns);
    const placed = table ? add(embedded, table) : embedded;
    return concat([broadcast(weight('prefix'), [batch, prefix, hidden]), placed], 1);
  });
  const rotation =
    rotaryBase === undefined
      ? undefined
      : patchRotation(builder, { prefix, rows, columns, dim: hidden / shape.heads, base: rotaryBase });
  let sum: Value | undefined;
  for (let block = 0; block < blocks; block++) {
    x = builder.scope(`block ${block}`, () => {
      const attended = mix(project(norm(x, `${block}.norm1`), `${block}.qkv`), shape, rotation, fusesAttention);
      const after = add(x, project(attended, `${block}.out`));
      const inner = project(norm(after, `${block}.norm2`), `${block}.up`);
      return add(after, project(activate(inner, shape), `${block}.down`));
    });
    if (block < blocks - layers) continue;
    const state = norm(x, 'norm');
    sum = sum ? add(sum, state) : state;
  }
  const tokens = sum ?? x;
  return {
    cls: reshape(slice(tokens, 1, 0, 1), [batch, hidden]),
    patches: reshape(slice(tokens, 1, prefix, prefix + rows * columns), [batch, rows, columns, hidden]),
  };
}

/** Attention of all tokens to all: queries, keys and values [batch, tokens, 3 hidden] -> [batch, tokens, hidden]. */
function mix(qkv: Value, { hidden, heads }: VitShape, rotation: Rotation | undefined, fused: boolean): Value {
  const [batch = 0, tokens = 0] = qkv.shape;
  const dim = hidden / heads;
  const byHead = transpose(reshape(qkv, [batch, tokens, 3, heads, dim]), [2, 0, 3, 1, 4]);
  const part = (index: number) => reshape(slice(byHead, 0, index, index + 1), [batch, heads, tokens, dim]);
  const turn = (x: Value) => (rotation ? rotate(x, rotation) : x);
  const [query, group] = [turn(part(0)), { key: turn(part(1)), value: part(2) }];
  // The packed query has the scale.
  const attendFrom = (some: Value) => attend(some, [group], { scale: 1, fused });
  const most = fused ? tokens : Math.max(1, Math.floor(SCORE_BYTES / (4 * batch * heads * tokens)));
  const chunks = Math.ceil(tokens / most);
  const size = Math.ceil(tokens / chunks);
  const mixed = Array.from({ length: chunks }, (_, i) =>
    attendFrom(slice(query, 2, i * size, Math.min(tokens, (i + 1) * size))),
  );
  return reshape(transpose(concat(mixed, 2), [0, 2, 1, 3]), [batch, tokens, hidden]);
}

function activate(inner: Value, shape: VitShape): Value {
  if (!shape.isGated) return geluErf(inner);
  return swiglu(slice(inner, 2, 0, shape.inner), slice(inner, 2, shape.inner, 2 * shape.inner));
}

/** The table of positions on the grid of the picture, as transformers interpolates it: [1, rows * columns, hidden]. */
function placesOf(table: Value, { hidden, registers }: VitShape, rows: number, columns: number): Value {
  // The networks with registers were trained with an antialiased table.
  const resized = interpolate(interpolate(table, 0, rows, 'cubic', registers > 0), 1, columns, 'cubic', registers > 0);
  return reshape(resized, [1, rows * columns, hidden]);
}

/** Reads state under the names and types of `specs`, as f32. */
export function stateWeights(
  builder: Builder,
  specs: ReadonlyMap<string, Pick<Value, 'shape' | 'dtype'>>,
): WeightSource {
  return name => {
    const spec = specs.get(name);
    if (spec === undefined) throw new TypeError(`the network has no weight ${name}`);
    return cast(builder.state(name, { shape: spec.shape, dtype: spec.dtype }), 'f32');
  };
}
