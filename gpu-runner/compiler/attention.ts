/** @file Softmax attention over several groups of keys: with all scores at once, or chunk by chunk. */
import { MASKED } from './attention-expansions.ts';
import { fitsHead } from './attention-rows.ts';
import {
  add,
  broadcast,
  concat,
  div,
  exp,
  matmul,
  max,
  mul,
  pad,
  reduceMax,
  reduceSum,
  select,
  slice,
  softmax,
  stopGradient,
  sub,
} from './functions.ts';
import { remat } from './remat.ts';
import { broadcastShapes } from './shapes.ts';
import type { Shape } from './tensor.ts';
import type { Value } from './trace.ts';

/** Keys [..., keys, dim] and their values [..., keys, value dim]; the leading axes equal those of the query. */
export interface KeyGroup {
  readonly key: Value;
  readonly value: Value;
  /** Added to the scores: broadcasts to [..., queries, keys]. See {@link biasOf}. */
  readonly bias?: Value;
}

export interface AttentionOptions {
  /** Factor of the scores; default 1 / sqrt(dim). */
  readonly scale?: number;
  /**
   * Number of keys in a chunk; default: all keys at once. Chunks change the result only by rounding. The backward pass
   * recomputes the scores of each chunk, so it holds those of one chunk at a time. {@link chunkFor} picks the number.
   */
  readonly chunk?: number;
  /** Added to the scores, besides the biases of the groups: broadcasts to [..., queries, keys of all groups]. */
  readonly bias?: Value;
  /**
   * True emits the composite `attention` for a query [batch, heads, queries, dim] that kernels can take, whatever
   * `chunk` says: its kernel never holds the scores. Engines without a kernel expand it. Default false.
   */
  readonly fused?: boolean;
}

/** Bias that hides keys: 0 where `visible` is true, a large negative number elsewhere. */
export function biasOf(visible: Value): Value {
  const { builder } = visible;
  return select(visible, builder.constant([0], []), builder.constant([MASKED], []));
}

/**
 * softmax(scale query keys^T + bias) values, over the keys of all groups together: [..., queries, value dim].
 * If all keys are hidden from a query, its result is finite but meaningless.
 */
export function attend(query: Value, groups: readonly KeyGroup[], options: AttentionOptions = {}): Value {
  const scale = options.scale ?? 1 / Math.sqrt(query.shape.at(-1) ?? 1);
  const { chunk, bias, fused } = options;
  if (fused && fitsKernel(query, groups)) return attendFused(query, groups, scale, bias);
  const scaled = mul(query, scale);
  if (chunk === undefined) return attendWhole(scaled, groups, bias);
  return attendInChunks(scaled, bias ? shareBias(groups, bias) : groups, chunk);
}

/** Largest f32 scores that are held at once: 128 MiB. Training holds about five tensors of that size at a time. */
const WHOLE_SCORES_BYTES = 128 * 2 ** 20;
/** Matrix products of shorter chunks are slow. */
const SMALLEST_CHUNK = 128;

/**
 * The `chunk` of {@link attend} for [batch, heads, queries, keys] scores. Undefined (one pass, same bits) if all scores
 * fit into `budget` bytes in f32. Otherwise a multiple of 128 whose scores fit; all chunks have about equal size.
 */
export function chunkFor(
  { batch, heads, queries, keys }: { batch: number; heads: number; queries: number; keys: number },
  budget: number = WHOLE_SCORES_BYTES,
): number | undefined {
  const bytesPerKey = 4 * batch * heads * queries;
  if (bytesPerKey * keys <= budget) return undefined;
  const most = Math.max(SMALLEST_CHUNK, Math.floor(budget / bytesPerKey / SMALLEST_CHUNK) * SMALLEST_CHUNK);
  const chunks = Math.ceil(keys / most);
  const even = Math.ceil(keys / chunks / SMALLEST_CHUNK) * SMALLEST_CHUNK;
  return even < keys ? even : undefined;
}

function fitsKernel({ shape }: Value, groups: readonly KeyGroup[]): boolean {
  const [, , , dim = 0] = shape;
  return shape.length === 4 && groups.every(({ value }) => fitsHead(dim, value.shape.at(-1) ?? 0));
}

/** The composite, over an even number of queries and keys, as kernels want: the last key may be a hidden one. */
function attendFused(query: Value, groups: readonly KeyGroup[], scale: number, shared?: Value): Value {
  const { builder } = query;
  const join = (part: (group: KeyGroup) => Value) => padToEven(concat(groups.map(part), 2));
  const [key, value] = [join(group => group.key), join(group => group.value)];
  const biases = [joinBiases(groups, 2), shared].filter(bias => bias !== undefined);
  const keys = groups.reduce((sum, group) => sum + (group.key.shape[2] ?? 0), 0);
  if (keys % 2 === 1 && biases.length === 0) biases.push(builder.constant([0], [1, 1, 1, keys]));
  const bias = biases.length === 0 ? undefined : hideFrom(biases.reduce(add), keys);
  const operands = [padToEven(query), key, value, ...(bias ? [bias] : [])];
  const output = builder.emit('attention', operands, { scale, mask: bias ? 'bias' : 'none' });
  return slice(output, 2, 0, query.shape[2] ?? 0);
}

/** One more row of zeros along axis 2 if their number is odd. */
function padToEven(x: Value): Value {
  return pad(x, [0, 0, 0, 0], [0, 0, (x.shape[2] ?? 0) % 2, 0]);
}

/** A bias [..., keys] that also hides one key after them if their number is odd. */
function hideFrom(bias: Value, keys: number): Value {
  if (keys % 2 === 0) return bias;
  const whole = broadcast(bias, [...bias.shape.slice(0, -1), keys]);
  const hidden = bias.builder.constant([MASKED], [...bias.shape.slice(0, -1), 1], bias.dtype);
  return concat([whole, hidden], bias.shape.length - 1);
}

function attendWhole(query: Value, groups: readonly KeyGroup[], shared?: Value): Value {
  const axis = query.shape.length - 2;
  const keys = concat(
    groups.map(({ key }) => key),
    axis,
  );
  const scores = matmul(query, keys, { transposeB: true });
  const biases = [joinBiases(groups, axis), shared].filter(bias => bias !== undefined);
  const weights = softmax(biases.reduce(add, scores));
  const values = concat(
    groups.map(({ value }) => value),
    axis,
  );
  return matmul(weights, values);
}

/** Cuts `bias`, which spans the keys of all groups, and adds each part to the bias of its group. */
function shareBias(groups: readonly KeyGroup[], bias: Value): KeyGroup[] {
  const last = bias.shape.length - 1;
  let start = 0;
  return groups.map(group => {
    const end = start + (group.key.shape.at(-2) ?? 0);
    const part = bias.shape[last] === 1 ? bias : slice(bias, last, start, end);
    start = end;
    return { ...group, bias: group.bias ? add(group.bias, part) : part };
  });
}

/** Biases side by side, with zeros for a group without a bias. */
function joinBiases(groups: readonly KeyGroup[], axis: number): Value | undefined {
  const biases = groups.map(({ bias }) => bias).filter(bias => bias !== undefined);
  const [first] = biases;
  if (first === undefined) return undefined;
  const leading = biases.map(({ shape }): Shape => [...shape.slice(0, -1), 1]).reduce(broadcastShapes);
  const parts = groups.map(({ key, bias }) => {
    const shape = [...leading.slice(0, -1), key.shape[axis] ?? 0];
    return broadcast(bias ?? first.builder.constant([0], [], first.dtype), shape);
  });
  return concat(parts, leading.length - 1);
}

/** Per query: the largest score so far, the sum of exponentials, and the sum of values weighted by them. */
interface Running {
  readonly largest: Value;
  readonly total: Value;
  readonly mixed: Value;
}

/**
 * Running maximum, sum and mix (arXiv 2112.05682). The maximum cancels out, so no gradient needs to flow through it.
 */
function attendInChunks(query: Value, groups: readonly KeyGroup[], size: number): Value {
  const axis = query.shape.length - 2;
  let running: Running | undefined;
  for (const group of groups) {
    const count = group.key.shape[axis] ?? 0;
    for (let start = 0; start < count; start += size) {
      const before = running;
      running = remat(query.builder, () =>
        attendToChunk(query, cutGroup(group, axis, start, Math.min(count, start + size)), before),
      );
    }
  }
  if (running === undefined) throw new TypeError('attention needs at least one key');
  return div(running.mixed, running.total);
}

function attendToChunk(query: Value, { key, value, bias }: KeyGroup, before: Running | undefined): Running {
  const scores = matmul(query, key, { transposeB: true });
  const biased = bias ? add(scores, bias) : scores;
  const peak = stopGradient(reduceMax(biased, [-1]));
  const largest = before ? max(before.largest, peak) : peak;
  const weights = exp(sub(biased, largest));
  const total = reduceSum(weights, [-1]);
  const mixed = matmul(weights, value);
  if (before === undefined) return { largest, total, mixed };
  const shrink = exp(sub(before.largest, largest));
  return { largest, total: add(mul(before.total, shrink), total), mixed: add(mul(before.mixed, shrink), mixed) };
}

function cutGroup({ key, value, bias }: KeyGroup, axis: number, start: number, end: number): KeyGroup {
  const last = (bias?.shape.length ?? 0) - 1;
  const isShared = bias?.shape[last] === 1;
  return {
    key: slice(key, axis, start, end),
    value: slice(value, axis, start, end),
    ...(bias && { bias: isShared ? bias : slice(bias, last, start, end) }),
  };
}
