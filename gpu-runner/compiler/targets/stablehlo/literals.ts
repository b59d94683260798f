/** @file Types and literals in StableHLO's text. */
import { toBf16Bits, toF16Bits } from '../../../../formats/half.ts';
import { type DType, type Shape, sizeOf, type TensorSpec } from '../../tensor.ts';

const ELEMENT_TYPES: Readonly<Record<DType, string>> = { f32: 'f32', f16: 'f16', bf16: 'bf16', i32: 'i32', bool: 'i1' };

/** `tensor<2x3xf32>`; a scalar is `tensor<f32>`. */
export function typeText({ shape, dtype }: TensorSpec): string {
  return `tensor<${[...shape, ELEMENT_TYPES[dtype]].join('x')}>`;
}

/** `[1, 2]` */
export function listText(items: readonly (number | string)[]): string {
  return `[${items.join(', ')}]`;
}

const ENCODERS: Readonly<Record<Exclude<DType, 'bool'>, (values: readonly number[]) => ArrayBufferView>> = {
  f32: values => Float32Array.from(values),
  f16: values => Uint16Array.from(values, toF16Bits),
  bf16: values => Uint16Array.from(values, toBf16Bits),
  i32: values => Int32Array.from(values),
};

function encode(dtype: Exclude<DType, 'bool'>, values: readonly number[]): Buffer {
  const { buffer, byteOffset, byteLength } = ENCODERS[dtype](values);
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Elements as nested lists, `[[true, false], [false, true]]`. */
function nested(items: readonly string[], [size, ...inner]: Shape): string {
  if (size === undefined) return items[0] ?? '';
  const length = sizeOf(inner);
  return listText(Array.from({ length: size }, (_, i) => nested(items.slice(i * length, (i + 1) * length), inner)));
}

/**
 * Body of `dense<...>`. One value fills the shape. Numbers are written as bits, so that no digit is lost. Bools are
 * written as words: plugins differ in how many bits they read for a bool in hexadecimal form.
 */
export function literalText(values: readonly number[], { shape, dtype }: TensorSpec): string {
  if (sizeOf(shape) === 0) return '';
  if (dtype === 'bool') {
    const words = values.map(value => String(value !== 0));
    return words.length === 1 ? (words[0] ?? '') : nested(words, shape);
  }
  const bytes = encode(dtype, values);
  if (values.length > 1) return `"0x${bytes.toString('hex').toUpperCase()}"`;
  if (dtype === 'i32') return String(bytes.readInt32LE());
  return `0x${bytes.reverse().toString('hex').toUpperCase()}`;
}
