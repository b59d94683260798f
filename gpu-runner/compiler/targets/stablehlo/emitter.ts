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
}

export class Emitter {
  readonly lines: string[] = [];
  readonly options: StableHloOptions;
  readonly #constants = new Map<string, Operand>();
  readonly #spreads = new Map<string, Operand>();
  #count = 0;

  constructor(options: StableHloOptions) {
    this.options = options;
  }

  /** Adds `%n = text`. Returns the new value of type `spec`. */
  define(text: string, { shape, dtype }: TensorSpec): Operand {
    const name = `%${this.#count++}`;
    this.lines.push(`${name} = ${text}`);
    return { name, shape, dtype };
  }

  /** Adds `%n:count = text`. Returns the new values, whose types are `specs`. */
  defineAll(text: string, specs: readonly TensorSpec[]): Operand[] {
    const name = `%${this.#count++}`;
    this.lines.push(`${name}:${specs.length} = ${text}`);
    return specs.map(({ shape, dtype }, i) => ({ name: `${name}#${i}`, shape, dtype }));
  }

  /** An operation whose operands all have the type of the result. */
  elementwise(op: string, operands: readonly Operand[], spec: TensorSpec): Operand {
    return this.define(`${op} ${operands.map(({ name }) => name).join(', ')} : ${typeText(spec)}`, spec);
  }

  /** A literal; one value fills the shape. Equal literals are written once. */
  constant(values: readonly number[], spec: TensorSpec): Operand {
    const text = `stablehlo.constant dense<${literalText(values, spec)}> : ${typeText(spec)}`;
    const known = this.#constants.get(text);
    if (known !== undefined) return known;
    const made = this.define(text, spec);
    this.#constants.set(text, made);
    return made;
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
    const text = `stablehlo.broadcast_in_dim ${x.name}, dims = ${listText(dims)} : ${types}`;
    const known = this.#spreads.get(text);
    if (known !== undefined) return known;
    const made = this.define(text, spec);
    this.#spreads.set(text, made);
    return made;
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
  barrier(values: readonly Operand[]): Operand[] {
    const names = values.map(({ name }) => name).join(', ');
    const text = `stablehlo.optimization_barrier ${names} : ${values.map(typeText).join(', ')}`;
    const [only] = values;
    return values.length === 1 && only ? [this.define(text, only)] : this.defineAll(text, values);
  }
}
