/**
 * @file The custom calls by which XLA runs cuDNN's fused attention, as jax 0.11 writes them (testdata/fmha-*.mlir). All
 * numbers of 64 bits are strings in them: that is how protobuf writes them as JSON.
 */
import type { Shape, TensorSpec } from '../../tensor.ts';
import { listText, typeText } from './literals.ts';

export interface CudnnAttention {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  /** Channels of a head. */
  readonly dim: number;
  /** Factor of the scores, before the mask. */
  readonly scale: number;
  readonly dtype: 'f16' | 'bf16';
  /** `bias` is added to the scores; `lengths` are the numbers of queries and keys of each sample. */
  readonly mask: 'none' | 'bias' | 'lengths';
}

/** Names of values of the text, and the shape of the bias. */
export interface CudnnOperands {
  /** [batch, queries, heads, dim] */
  readonly query: string;
  /** [batch, keys, heads, dim] */
  readonly key: string;
  readonly value: string;
  /** [batch or 1, heads or 1, queries, keys] in the dtype of the query. */
  readonly bias?: { readonly name: string; readonly shape: Shape };
  /** Numbers of queries and of keys, i32[batch] each. */
  readonly lengths?: readonly [string, string];
}

export interface CudnnGradientOperands extends CudnnOperands {
  /** [batch, heads, queries] */
  readonly stats: string;
  /** Cotangent of the output, [batch, queries, heads, dim]. */
  readonly cotangent: string;
  /** [batch, queries, heads, dim] */
  readonly output: string;
}

/** Text of a call, with the types of its results. The last result is cuDNN's workspace. */
export interface CudnnCall {
  readonly text: string;
  readonly results: readonly TensorSpec[];
}

/** Results: output [batch, heads, queries, dim]; statistics f32[batch, heads, queries]. */
export function forwardCall(attention: CudnnAttention, operands: CudnnOperands): CudnnCall {
  const { query, key, value } = typesOf(attention);
  const output = resultType(attention, attention.queries);
  return callText({
    target: `__cudnn$fmha${attention.mask === 'bias' ? 'ScaleBias' : ''}Softmax`,
    operands: [
      [operands.query, query],
      [operands.key, key],
      [operands.value, value],
      ...biasOf(attention, operands),
      ...lengthsOf(attention, operands),
    ],
    config: { ...FORWARD_PRODUCTS },
    results: [output, statsType(attention)],
    layouts: [BY_TOKEN, rowMajor(3)],
    attention,
  });
}

/** Results: gradients of query, key and value, [batch, heads, tokens, dim]. */
export function backwardCall(attention: CudnnAttention, operands: CudnnGradientOperands): CudnnCall {
  const { query, key, value } = typesOf(attention);
  const { queries, keys } = attention;
  return callText({
    target: `__cudnn$fmha${attention.mask === 'bias' ? 'ScaleBias' : ''}SoftmaxBackward`,
    operands: [
      [operands.query, query],
      [operands.key, key],
      [operands.value, value],
      [operands.stats, statsType(attention)],
      [operands.cotangent, query],
      ...biasOf(attention, operands),
      [operands.output, query],
      ...lengthsOf(attention, operands),
    ],
    config: { ...BACKWARD_PRODUCTS },
    results: [queries, keys, keys].map(tokens => resultType(attention, tokens)),
    layouts: [BY_TOKEN, BY_TOKEN, BY_TOKEN],
    attention,
  });
}

type TypedOperand = readonly [name: string, spec: TensorSpec];

function typesOf({ batch, heads, queries, keys, dim, dtype }: CudnnAttention) {
  const rows = { shape: [batch, keys, heads, dim], dtype };
  return { query: { shape: [batch, queries, heads, dim], dtype }, key: rows, value: rows };
}

const statsType = ({ batch, heads, queries }: CudnnAttention): TensorSpec => ({
  shape: [batch, heads, queries],
  dtype: 'f32',
});

const resultType = ({ batch, heads, dim, dtype }: CudnnAttention, tokens: number): TensorSpec => ({
  shape: [batch, heads, tokens, dim],
  dtype,
});

function biasOf({ dtype, mask }: CudnnAttention, { bias }: CudnnOperands): TypedOperand[] {
  if (mask !== 'bias') return [];
  if (bias === undefined) throw new TypeError('attention with a bias lacks it');
  return [[bias.name, { shape: bias.shape, dtype }]];
}

function lengthsOf({ batch, mask }: CudnnAttention, { lengths }: CudnnOperands): TypedOperand[] {
  if (mask !== 'lengths') return [];
  if (lengths === undefined) throw new TypeError('attention with lengths lacks them');
  return lengths.map(name => [name, { shape: [batch], dtype: 'i32' }]);
}

/** Layouts name the axes from the fastest on. Results of cuDNN lie in memory as [batch, tokens, heads, dim]. */
const BY_TOKEN = layoutText([3, 1, 2, 0]);

function rowMajor(rank: number): string {
  return layoutText(Array.from({ length: rank }, (_, axis) => rank - 1 - axis));
}

function layoutText(axes: readonly number[]): string {
  const [only] = axes;
  return `dense<${axes.length === 1 ? only : listText(axes)}> : tensor<${axes.length}xindex>`;
}

function callText(call: {
  readonly target: string;
  readonly operands: readonly TypedOperand[];
  readonly config: Readonly<Record<string, Json>>;
  readonly results: readonly TensorSpec[];
  readonly layouts: readonly string[];
  readonly attention: CudnnAttention;
}): CudnnCall {
  const results = [...call.results.map(typeText), 'tensor<0xui8>'];
  const config = jsonText(backendConfig(call.attention, call.config)).replaceAll('"', '\\22');
  const text =
    `stablehlo.custom_call @${call.target}(${call.operands.map(([name]) => name).join(', ')}) ` +
    `{api_version = 2 : i32, backend_config = "${config}", ` +
    `operand_layouts = ${listText(call.operands.map(([, { shape }]) => rowMajor(shape.length)))}, ` +
    `result_layouts = ${listText([...call.layouts, rowMajor(1)])}} : ` +
    `(${call.operands.map(([, spec]) => typeText(spec)).join(', ')}) -> (${results.join(', ')})`;
  return { text, results: call.results };
}

type Json = string | number | boolean | RawNumber | readonly Json[] | { readonly [key: string]: Json };

/** A number as its digits: 0.0 stays 0.0. */
class RawNumber {
  readonly digits: string;
  constructor(value: number) {
    this.digits = Number.isInteger(value) ? value.toFixed(1) : String(value);
  }
}

/** JSON with a space after commas and colons. */
function jsonText(value: Json): string {
  if (value instanceof RawNumber) return value.digits;
  if (Array.isArray(value)) return listText(value.map(jsonText));
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${jsonText(inner)}`)
    .join(', ')}}`;
}

/** Which axes of the two operands of a product are contracted, and which run along. */
function productAxes(contracting: readonly [number, number], batch: readonly [number[], number[]]): Json {
  return {
    lhs_contracting_dimensions: [String(contracting[0])],
    rhs_contracting_dimensions: [String(contracting[1])],
    lhs_batch_dimensions: batch[0].map(String),
    rhs_batch_dimensions: batch[1].map(String),
  };
}

/** Both operands are [batch, tokens, heads, dim]. */
const BY_TOKENS: readonly [number[], number[]] = [
  [0, 2],
  [0, 2],
];
/** The left operand is [batch, heads, queries, keys], the right one [batch, tokens, heads, dim]. */
const BY_SCORES: readonly [number[], number[]] = [
  [0, 1],
  [0, 2],
];

const FORWARD_PRODUCTS = {
  bmm1_dot_dimension_numbers: productAxes([3, 3], BY_TOKENS),
  bmm2_dot_dimension_numbers: productAxes([3, 1], BY_SCORES),
};

const BACKWARD_PRODUCTS = {
  bmm1_grad_gemm1_dot_dimension_numbers: productAxes([2, 1], BY_SCORES),
  bmm1_grad_gemm2_dot_dimension_numbers: productAxes([3, 1], BY_SCORES),
  bmm2_grad_gemm1_dot_dimension_numbers: productAxes([2, 1], BY_SCORES),
  bmm2_grad_gemm2_dot_dimension_numbers: productAxes([3, 3], BY_TOKENS),
};

function backendConfig(attention: CudnnAttention, products: Readonly<Record<string, Json>>): Json {
  const { batch, heads, queries, keys, scale, dtype, mask } = attention;
  return {
    operation_queue_id: '0',
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: '0',
        math_type: 'TENSOR_OP_MATH',
        tuning_knobs: { '17': '1', '24': '0' },
        is_cudnn_frontend: true,
        workspace_size: '0',
      },
      fmha_scale: new RawNumber(scale),
      intermediate_tensor_shape: {
        element_type: dtype === 'bf16' ? 'BF16' : 'F16',
        dimensions: [batch, heads, queries, keys].map(String),
        tuple_shapes: [],
        layout: {
          dim_level_types: [],
          dim_unique: [],
          dim_ordered: [],
          minor_to_major: ['3', '2', '1', '0'],
          tiles: [],
          element_size_in_bits: '0',
          memory_space: '0',
          index_primitive_type: 'PRIMITIVE_TYPE_INVALID',
          pointer_primitive_type: 'PRIMITIVE_TYPE_INVALID',
          dynamic_shape_metadata_prefix_bytes: '0',
        },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: mask === 'lengths' ? 'PADDING' : 'NO_MASK',
      ...products,
      dropout_rate: new RawNumber(0),
      seed: 42,
      sliding_window_length: 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  };
}
