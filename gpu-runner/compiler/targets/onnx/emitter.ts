/** @file Collects the nodes and initializers that the lowering rules write, and names them. */
import type { AnyNode, Graph } from '../../graph.ts';
import { GraphError } from '../../shapes.ts';
import type { Shape } from '../../tensor.ts';
import type { OnnxInitializer, OnnxNode, OnnxType } from './model.ts';

export interface OnnxOptions {
  /** com.microsoft.FusedMatMul for transposed batched operands; only ONNX Runtime has it. */
  readonly fusedMatMul: boolean;
  /**
   * Gemm for transposed matrices; default true. False: Transpose and MatMul, since OpenVINO runs Gemm in extra passes.
   */
  readonly gemm?: boolean;
  /** com.microsoft.RotaryEmbedding for rotations by literal angles; only ONNX Runtime has it. */
  readonly rotaryEmbedding?: boolean;
  /** Sine and cosine from sums and products, if the provider's own are coarse; default false. */
  readonly preciseSinusoids?: boolean;
  /**
   * Writes nodes in reverse order. ONNX Runtime sorts them again: depth first from the nodes without readers, highest
   * number first. Written in reverse they run in about the order of the graph, each just before it is needed. In
   * forward order nearly all weight gradients would run last and keep the activations of their layers alive until then.
   */
  readonly lastFirst?: boolean;
}

/** Names in the ONNX model: feeds are `in:`, state read is `state:`, results are `out:`, state written is `next:`. */
export const ONNX_PREFIX = { input: 'in:', state: 'state:', output: 'out:', write: 'next:' } as const;

export class Emitter {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: OnnxInitializer[] = [];
  readonly options: OnnxOptions;
  readonly graph: Graph;
  readonly #ints = new Map<string, string>();
  readonly #halved = new Set<number>();
  readonly #scalars = new Map<number, string>();
  readonly #resultNames = new Map<number, string>();
  #fresh = 0;

  constructor(graph: Graph, options: OnnxOptions) {
    this.graph = graph;
    this.options = options;
    for (const [name, id] of Object.entries(graph.writes)) this.#resultNames.set(id, `${ONNX_PREFIX.write}${name}`);
    for (const [name, id] of Object.entries(graph.outputs)) this.#resultNames.set(id, `${ONNX_PREFIX.output}${name}`);
  }

  node(
    type: string,
    inputs: readonly string[],
    output: string,
    rest: Omit<OnnxNode, 'type' | 'inputs' | 'outputs'> = {},
  ): void {
    this.nodes.push({ type, inputs, outputs: [output], ...rest });
  }

  temporary(): string {
    this.#fresh += 1;
    return `t${this.#fresh}`;
  }

  /** Name of an int64 vector: ONNX takes shapes, axes and ranges as inputs. */
  ints(values: readonly number[]): string {
    const key = values.join(',');
    const known = this.#ints.get(key);
    if (known !== undefined) return known;
    const name = `ints:${key}`;
    this.#ints.set(key, name);
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.initializer(name, 'i64', [values.length], bytes);
    return name;
  }

  /** Name of literal angles [tokens, dim], equal within a pair, halved to [tokens, dim / 2]. */
  halvedAngles(id: number): string {
    const name = `half:${id}`;
    const node = this.graph.nodes[id];
    if (node?.op !== 'constant') throw new GraphError('the angles of a rotation kernel are not literals');
    if (!this.#halved.has(id)) {
      const [tokens = 0, dim = 0] = node.shape;
      const values = Float32Array.from(node.attrs.values.filter((_, i) => i % 2 === 0));
      this.initializer(name, 'f32', [tokens, dim / 2], new Uint8Array(values.buffer));
      this.#halved.add(id);
    }
    return name;
  }

  /** Name of an f32 scalar. */
  scalar(value: number): string {
    const known = this.#scalars.get(value);
    if (known !== undefined) return known;
    const name = `f32:${value}`;
    this.#scalars.set(value, name);
    this.initializer(name, 'f32', [], new Uint8Array(Float32Array.of(value).buffer));
    return name;
  }

  /** Name of the int64 scalar 0. */
  index(): string {
    const name = 'index:0';
    if (!this.initializers.some(known => known.name === name)) this.initializer(name, 'i64', [], new Uint8Array(8));
    return name;
  }

  initializer(name: string, type: OnnxType, shape: Shape, bytes: Uint8Array): void {
    this.initializers.push({ name, type, shape, bytes });
  }

  /** Name of a node's value. A result of the graph has its final name from the start, which saves a copy. */
  nameOf(id: number): string {
    const node = this.graph.nodes[id];
    if (node?.op === 'input') return `${ONNX_PREFIX.input}${node.attrs.name}`;
    if (node?.op === 'state') return `${ONNX_PREFIX.state}${node.attrs.name}`;
    return (node?.op !== 'constant' && this.#resultNames.get(id)) || `v${id}`;
  }

  operandOf(node: AnyNode, index: number): AnyNode | undefined {
    const id = node.inputs[index];
    return id === undefined ? undefined : this.graph.nodes[id];
  }
}
