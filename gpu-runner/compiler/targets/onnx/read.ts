/**
 * @file Reads ONNX models of other programs into graphs, so that their networks run on every engine. All sizes are
 * fixed when the graph is traced. An operator, type, attribute or shape that a graph of ours cannot have is refused by
 * its name.
 */
import { InvalidInput, Unprocessable } from '../../../../errors.ts';
import type { Graph } from '../../graph.ts';
import type { Shape, Tensor } from '../../tensor.ts';
import { type Builder, trace, type Value } from '../../trace.ts';
import { type DecodedModel, type DecodedNode, decodeOnnx, type OnnxInput } from './read/decode-model.ts';
import { ELEMENTWISE, type OperatorRule } from './read/elementwise.ts';
import { type Held, isKnown } from './read/held.ts';
import type { Known } from './read/known.ts';
import { LAYERS } from './read/layers.ts';
import { createLimits, type Limits, MOST_NODES } from './read/limits.ts';
import { MOVEMENT } from './read/movement.ts';
import { explainNode, type Lift, NodeReader, nameNode } from './read/node-reader.ts';
import { RESIZE } from './read/resize.ts';
import { WINDOWS } from './read/windows.ts';

/** Rules by operator of the domain ai.onnx. */
const RULES: Readonly<Record<string, OperatorRule>> = { ...ELEMENTWISE, ...MOVEMENT, ...LAYERS, ...WINDOWS, ...RESIZE };

/** The operators that are read, sorted. */
export const ONNX_OPERATORS: readonly string[] = Object.keys(RULES).sort();

const OPSETS = [7, 21] as const;
/** Longer literals are weights. */
const LONGEST_LITERAL = 16;

/** Sizes of inputs by name; needed where the model names a size instead of stating it. */
export type OnnxShapes = Readonly<Record<string, Shape>>;

export interface OnnxProgramRead {
  /** Inputs and outputs have the names of the ONNX model. */
  readonly graph: Graph;
  /** The weights that the graph reads. As literals, tens of millions would take minutes and gigabytes to compile. */
  readonly state: Readonly<Record<string, Tensor>>;
}

export interface OnnxNet {
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly string[];
  /** @throws Unprocessable for a node that a graph of ours cannot have, InvalidInput for a model that is damaged. */
  trace(shapes?: OnnxShapes): OnnxProgramRead;
}

/** @throws InvalidInput for bytes that are not an ONNX model, Unprocessable for an opset or type that is not read. */
export function readOnnx(bytes: Uint8Array): OnnxNet {
  const model = decodeOnnx(bytes);
  if (model.opset < OPSETS[0] || model.opset > OPSETS[1]) {
    throw new Unprocessable(`the ONNX model has opset ${model.opset}`, {
      expected: `an opset from ${OPSETS[0]} to ${OPSETS[1]}`,
    });
  }
  if (model.outputs.length === 0) {
    throw new Unprocessable('the ONNX model has no output', { expected: 'at least one output of the graph' });
  }
  if (model.nodes.length > MOST_NODES) {
    throw new Unprocessable(`the ONNX model has ${model.nodes.length} nodes`, { expected: `at most ${MOST_NODES}` });
  }
  checkOperators(model.nodes);
  const { inputs, outputs } = model;
  return { inputs, outputs, trace: shapes => traceModel(model, shapes) };
}

/** All unknown operators at once, each with its first node. */
function checkOperators(nodes: readonly DecodedNode[]): void {
  const unknown = new Map<string, DecodedNode>();
  for (const node of nodes) {
    const isKnownDomain = node.domain === '' || node.domain === 'ai.onnx';
    const key = `${node.domain}.${node.type}`;
    if (!(isKnownDomain && Object.hasOwn(RULES, node.type)) && !unknown.has(key)) unknown.set(key, node);
  }
  if (unknown.size === 0) return;
  throw new Unprocessable(`the ONNX model has operators that are not read: ${[...unknown.values()].map(nameNode)}`, {
    expected: `operators of: ${ONNX_OPERATORS.join(', ')}`,
  });
}

function traceModel(model: DecodedModel, shapes: OnnxShapes = {}): OnnxProgramRead {
  const state: Record<string, Tensor> = {};
  const graph = trace(builder => {
    const lift = createLift(builder, (name, tensor) => {
      state[name] = tensor;
      return builder.state(name, { shape: tensor.shape, dtype: tensor.dtype });
    });
    const limits = createLimits(builder, model.initializers.values());
    const held = new Map<string, Held>(model.initializers);
    for (const input of model.inputs) held.set(input.name, openInput(builder, input, shapes[input.name]));
    for (const node of model.nodes) {
      const results = runNode(node, held, { opset: model.opset, builder, lift, limits });
      for (const [i, name] of node.outputs.entries()) {
        const result = results[i];
        if (name !== '' && result !== undefined) held.set(name, result);
      }
    }
    return { outputs: Object.fromEntries(model.outputs.map(name => [name, lift.of(requireHeld(held, name), name)])) };
  });
  return { graph, state };
}

function runNode(
  node: DecodedNode,
  held: ReadonlyMap<string, Held>,
  {
    opset,
    builder,
    lift,
    limits,
  }: {
    readonly opset: number;
    readonly builder: Builder;
    readonly lift: { readonly known: Lift };
    readonly limits: Limits;
  },
): readonly Held[] {
  const inputs = node.inputs.map(name => (name === '' ? undefined : requireHeld(held, name)));
  const reader = new NodeReader(node, inputs, { opset, builder, lift: lift.known });
  try {
    const result = builder.scope(node.name, () => RULES[node.type]?.(reader) ?? []);
    reader.requireAllRead();
    const results: readonly Held[] = Array.isArray(result) ? result : [result as Held];
    limits.check(results, inputs);
    return results;
  } catch (error) {
    throw explainNode(node, error);
  }
}

/** Weights become what `weightOf` makes of them, each once; short known tensors become literals. */
function createLift(builder: Builder, weightOf: (name: string, tensor: Tensor) => Value) {
  const made = new Map<Known, Value>();
  const names = new Set<string>();
  const known: Lift = (x, wanted) => {
    const before = made.get(x);
    if (before) return before;
    const dtype = x.type === 'i64' ? 'i32' : x.type;
    const isWeight = x.type === 'f32' && x.data.length > LONGEST_LITERAL;
    let name = wanted;
    for (let i = 1; names.has(name); i++) name = `${wanted}:${i}`;
    if (isWeight) names.add(name);
    const value = isWeight
      ? weightOf(name, { shape: x.shape, dtype: 'f32', data: Float32Array.from(x.data) })
      : builder.constant([...x.data], x.shape, dtype);
    made.set(x, value);
    return value;
  };
  return { known, of: (x: Held, name: string) => (isKnown(x) ? known(x, name) : x) };
}

function openInput(builder: Builder, { name, type, shape }: OnnxInput, given: Shape | undefined): Value {
  const fits =
    given === undefined || (given.length === shape.length && given.every((size, i) => fitsAt(shape[i], size)));
  if (!fits) {
    throw new Unprocessable(`the input "${name}" of the ONNX model is [${shape.join(', ')}], not [${given}]`);
  }
  const sizes = given ?? shape.filter(size => typeof size === 'number');
  if (sizes.length !== shape.length || !sizes.every(size => size >= 1)) {
    throw new Unprocessable(`the input "${name}" of the ONNX model has a dynamic shape: [${shape.join(', ')}]`, {
      expected: 'fixed sizes',
    });
  }
  return builder.input(name, { shape: sizes, dtype: type === 'i64' ? 'i32' : type });
}

function fitsAt(declared: number | string | undefined, size: number): boolean {
  return typeof declared === 'string' || declared === size;
}

function requireHeld(held: ReadonlyMap<string, Held>, name: string): Held {
  const found = held.get(name);
  if (found !== undefined) return found;
  throw new InvalidInput(`the ONNX model reads "${name}", which no earlier node makes`, {
    expected: 'nodes in the order in which they run',
  });
}
