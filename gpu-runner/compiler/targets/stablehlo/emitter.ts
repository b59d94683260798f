/** @file Collects the lines of a StableHLO function and names its values. */
import { isSameShape } from '../../shapes.ts';
import type { DType, Shape, TensorSpec } from '../../tensor.ts';
import { listText, literalText, typeText } from './literals.ts';

/** A value of the function. */
export interface Operand extends TensorSpec {
  /** `%12`, or `%12#1` for one of several results. */
  readonly name: string;
}

export interface StableHloOptions {
  /**
   * How f32 products are computed. 'highest', the default, is f32. 'tf32' lets an NVIDIA GPU round their operands to 10
   * bits of mantissa, which is faster there; a CPU computes in f32 all the same.
   */
  readonly float32Products?: 'highest' | 'tf32';
  /** Lets the program write new state over the old state that it read; default true. */
  readonly donatesState?: boolean;
  /**
   * 'cudnn' runs the composite `attention` by cuDNN's kernels where they fit; only an NVIDIA GPU has them. Where they
   * do not fit, and with 'primitive', the default, it is expanded.
   */
  readonly attention?: 'cudnn' | 'primitive';
}

export class Emitter {
  readonly lines: string[] = [];
  readonly options: StableHloOptions;
  /** Values by text: equal operations on equal operands are written once. */
  readonly #known = new Map<string, readonly Operand[]>();
  readonly #squares = new Map<string, Operand>();
  #count = 0;

  constructor(options: StableHloOptions) {
    this.options = options;
  }

  /** Adds `%n = text`, unless the same text was added before. Returns the value, of type `spec`. */
  define(text: string, spec: TensorSpec): Operand {
    const [value] = this.#defineOnce(text, [spec]);
    if (value === undefined) throw new TypeError('a definition has no value');
    return value;
  }

  /** Adds `%n:count = text`, unless the same text was added before. Returns the values, of types `specs`. */
  defineAll(text: string, specs: readonly TensorSpec[]): readonly Operand[] {
    return this.#defineOnce(text, specs);
  }

  #defineOnce(text: string, specs: readonly TensorSpec[]): readonly Operand[] {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const name = `%${this.#count++}`;
    const values = specs.map(({ shape, dtype }, i) => ({
      name: specs.length === 1 ? name : `${name}#${i}`,
      shape,
      dtype,
    }));
    this.lines.push(`${name}${specs.length === 1 ? '' : `:${specs.length}`} = ${text}`);
    this.#known.set(text, values);
    return values;
  }

  /** An operation whose operands all have the type of the result. */
  elementwise(op: string, operands: readonly Operand[], spec: TensorSpec): Operand {
    return this.define(`${op} ${operands.map(({ name }) => name).join(', ')} : ${typeText(spec)}`, spec);
  }

  /** The square root of a value. */
  root(operand: Operand, spec: TensorSpec): Operand {
    const made = this.elementwise('stablehlo.sqrt', [operand], spec);
    this.#squares.set(made.name, operand);
    return made;
  }

  /** The value whose square root this is; undefined if it is no square root. */
  squareOf({ name }: Operand): Operand | undefined {
    return this.#squares.get(name);
  }

  /** A literal; one value fills the shape. */
  constant(values: readonly number[], spec: TensorSpec): Operand {
    return this.define(`stablehlo.constant dense<${literalText(values, spec)}> : ${typeText(spec)}`, spec);
  }

  scalar(value: number, dtype: DType): Operand {
    return this.constant([value], { shape: [], dtype });
  }

  /** `x` repeated along axes of size 1 and new leading axes, as NumPy broadcasts. */
  spread(x: Operand, shape: Shape): Operand {
    if (isSameShape(x.shape, shape)) return x;
    const dims = x.shape.map((_, axis) => axis + shape.length - x.shape.length);
    return this.placeAxes(x, dims, shape);
  }

  /** `x` in `shape`: its axis i becomes axis dims[i]; other axes, and axes of size 1, are repeated. */
  placeAxes(x: Operand, dims: readonly number[], shape: Shape): Operand {
    const spec = { shape, dtype: x.dtype };
    const types = `(${typeText(x)}) -> ${typeText(spec)}`;
    return this.define(`stablehlo.broadcast_in_dim ${x.name}, dims = ${listText(dims)} : ${types}`, spec);
  }

  transpose(x: Operand, perm: readonly number[]): Operand {
    const spec = { shape: perm.map(axis => x.shape[axis] ?? 0), dtype: x.dtype };
    const types = `(${typeText(x)}) -> ${typeText(spec)}`;
    return this.define(`stablehlo.transpose ${x.name}, dims = ${listText(perm)} : ${types}`, spec);
  }

  reshape(x: Operand, shape: Shape): Operand {
    if (isSameShape(x.shape, shape)) return x;
    const spec = { shape, dtype: x.dtype };
    return this.define(`stablehlo.reshape ${x.name} : (${typeText(x)}) -> ${typeText(spec)}`, spec);
  }

  convert(x: Operand, dtype: DType): Operand {
    if (x.dtype === dtype) return x;
    const spec = { shape: x.shape, dtype };
    return this.define(`stablehlo.convert ${x.name} : (${typeText(x)}) -> ${typeText(spec)}`, spec);
  }

  /** Reduction over axes, which go away, from the initial value on. */
  reduce(op: 'add' | 'maximum', x: Operand, axes: readonly number[], initial: number): Operand {
    const spec = { shape: x.shape.filter((_, axis) => !axes.includes(axis)), dtype: x.dtype };
    const start = this.scalar(initial, x.dtype);
    const types = `(${typeText(x)}, ${typeText(start)}) -> ${typeText(spec)}`;
    return this.define(
      `stablehlo.reduce(${x.name} init: ${start.name}) applies stablehlo.${op} across dimensions = ${listText(axes)} ` +
        `: ${types}`,
      spec,
    );
  }

  /**
   * Copies of `values` that are computed only after all of them, and that no pass of XLA merges with the originals.
   */
  barrier(values: readonly Operand[]): readonly Operand[] {
    const names = values.map(({ name }) => name).join(', ');
    return this.defineAll(`stablehlo.optimization_barrier ${names} : ${values.map(typeText).join(', ')}`, values);
  }
}
