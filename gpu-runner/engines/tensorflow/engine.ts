/** @file Interprets graphs with TensorFlow.js. State is in its tensors; a successful run replaces those it wrote. */
import { Unprocessable } from '../../../errors.ts';
import type { Engine, EngineProbe, Executable, State, Tensors } from '../../compiler/engine.ts';
import { expandComposites } from '../../compiler/expand-composites.ts';
import type { AnyNode, Graph, NodeId, PrimitiveNode } from '../../compiler/graph.ts';
import { peakLiveBytes } from '../../compiler/live-bytes.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import { emptyTensor, formatType, type Tensor, type TensorSpec } from '../../compiler/tensor.ts';
import { loadBackend, tf } from './backend.ts';
import { evaluateNode, TF_TYPES, tfTypeOf } from './rules.ts';

/** Copies the data: the plain kernels would keep a reference to the caller's array. */
function toTf(tensor: Tensor): tf.Tensor {
  return tf.tensor(tensor.data.slice(), [...tensor.shape], tfTypeOf(tensor.dtype));
}

function fromTf(value: tf.Tensor, { shape, dtype }: TensorSpec): Tensor {
  const tensor = emptyTensor({ shape, dtype });
  tensor.data.set(value.dataSync());
  return tensor;
}

interface Slot extends TensorSpec {
  readonly value: tf.Tensor;
}

class TensorflowState implements State {
  readonly slots = new Map<string, Slot>();

  get names(): readonly string[] {
    return [...this.slots.keys()];
  }

  set(tensors: Tensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      requireSupported(tensor, `state "${name}"`);
      this.replace(name, { shape: tensor.shape, dtype: tensor.dtype, value: toTf(tensor) });
    }
  }

  replace(name: string, slot: Slot): void {
    this.slots.get(name)?.value.dispose();
    this.slots.set(name, slot);
  }

  read(names = this.names): Promise<Record<string, Tensor>> {
    const tensors: Record<string, Tensor> = {};
    for (const name of names) {
      const slot = this.slots.get(name);
      if (slot === undefined) throw new GraphError(`there is no state named "${name}"`);
      tensors[name] = fromTf(slot.value, slot);
    }
    return Promise.resolve(tensors);
  }

  move(from: string, to?: string): void {
    const slot = this.slots.get(from);
    if (slot === undefined) throw new GraphError(`there is no state named "${from}"`);
    this.slots.delete(from);
    if (to === undefined) slot.value.dispose();
    else this.replace(to, slot);
  }

  dispose(): void {
    for (const { value } of this.slots.values()) value.dispose();
    this.slots.clear();
  }
}

class TensorflowExecutable implements Executable {
  readonly peakBytes: number;
  readonly #graph: Graph<PrimitiveNode>;
  readonly #constants: ReadonlyMap<NodeId, tf.Tensor>;
  /** By node: the operands without a later reader. */
  readonly #lastUses: readonly (readonly NodeId[])[];

  constructor(whole: Graph) {
    const graph = expandComposites(whole);
    for (const node of graph.nodes) requireSupported(node, `${node.op}${node.scope ? ` in ${node.scope}` : ''}`);
    this.#graph = graph;
    this.peakBytes = peakLiveBytes(graph);
    this.#lastUses = findLastUses(graph);
    this.#constants = new Map(
      graph.nodes.flatMap((node, id) => (node.op === 'constant' ? [[id, evaluateNode(node, [])] as const] : [])),
    );
  }

  async run(state: State, inputs: Tensors): Promise<Record<string, Tensor>> {
    if (!(state instanceof TensorflowState)) throw new GraphError('the state belongs to another engine');
    const { nodes, outputs, writes } = this.#graph;
    /** Tensors of this run, to be disposed of. */
    const made = new Map<NodeId, tf.Tensor>();
    const written = new Map<string, Slot>();
    const lookUp = (id: NodeId): tf.Tensor => {
      const node = nodes[id];
      const value =
        node?.op === 'state' ? state.slots.get(node.attrs.name)?.value : (this.#constants.get(id) ?? made.get(id));
      if (value === undefined) throw new GraphError(`node ${id} has no value`);
      return value;
    };
    try {
      for (const [id, node] of nodes.entries()) {
        if (node.op === 'constant') continue;
        if (node.op === 'state') {
          requireSpec(state.slots.get(node.attrs.name), node, `state "${node.attrs.name}"`);
        } else if (node.op === 'input') {
          made.set(id, toTf(requireSpec(inputs[node.attrs.name], node, `input "${node.attrs.name}"`)));
        } else {
          made.set(id, evaluateNode(node, node.inputs.map(lookUp)));
        }
        for (const operand of this.#lastUses[id] ?? []) {
          made.get(operand)?.dispose();
          made.delete(operand);
        }
      }
      const results: Record<string, Tensor> = {};
      for (const [name, id] of Object.entries(outputs)) results[name] = fromTf(lookUp(id), specOf(nodes, id));
      // A clone shares memory. Each name owns its clone.
      for (const [name, id] of Object.entries(writes)) {
        written.set(name, { ...specOf(nodes, id), value: tf.clone(lookUp(id)) });
      }
      for (const [name, slot] of written) state.replace(name, slot);
      written.clear();
      return results;
    } finally {
      for (const value of made.values()) value.dispose();
      for (const { value } of written.values()) value.dispose();
    }
  }

  dispose(): Promise<void> {
    for (const constant of this.#constants.values()) constant.dispose();
    return Promise.resolve();
  }
}

function specOf(nodes: readonly AnyNode[], id: NodeId): TensorSpec {
  const node = nodes[id];
  if (node === undefined) throw new GraphError(`node ${id} does not exist`);
  return { shape: node.shape, dtype: node.dtype };
}

/** By node: the operands whose last reader it is. Outputs and writes are not among them. */
function findLastUses({ nodes, outputs, writes }: Graph): NodeId[][] {
  const last = new Map<NodeId, NodeId>();
  for (const [id, node] of nodes.entries()) for (const operand of node.inputs) last.set(operand, id);
  for (const id of [...Object.values(outputs), ...Object.values(writes)]) last.delete(id);
  const uses: NodeId[][] = nodes.map(() => []);
  for (const [operand, id] of last) uses[id]?.push(operand);
  return uses;
}

function requireSupported(spec: TensorSpec, what: string): void {
  if (TF_TYPES[spec.dtype] !== undefined) return;
  throw new Unprocessable(`the engine tensorflow has no ${spec.dtype}: ${what} is ${formatType(spec)}`, {
    expected: 'f32, i32 and bool only',
    hint: 'set the precision to f32, or take another engine',
  });
}

export interface TensorflowOptions {
  /** Must be 1: more threads would change the order of sums. */
  readonly threads: number;
}

/** Always available: the plain kernels are a dependency. `reason` says why better backends are not used. */
export async function probeTensorflow(): Promise<EngineProbe> {
  const { name, device, passedOver } = await loadBackend();
  return {
    name: 'tensorflow',
    available: true,
    device,
    version: `${tf.version_core} (${name})`,
    threads: 1,
    ...(passedOver.length > 0 && { reason: passedOver.join('; ') }),
  };
}

/** @throws Unprocessable if `threads` is not 1. */
export async function createTensorflowEngine({ threads }: TensorflowOptions): Promise<Engine> {
  if (threads !== 1) {
    throw new Unprocessable(`the engine tensorflow does not run on ${threads} threads`, { expected: 'threads: 1' });
  }
  await loadBackend();
  return {
    name: 'tensorflow',
    createState(tensors) {
      const state = new TensorflowState();
      state.set(tensors);
      return state;
    },
    compile: async graph => new TensorflowExecutable(graph),
    dispose: () => Promise.resolve(),
  };
}
