/** @file Splits a program in two, so that what only some inputs change is computed once for many runs. */
import type { Graph, NodeId } from './graph.ts';
import type { OpAttrs, OpName } from './ops.ts';
import { GraphError } from './shapes.ts';
import { Builder, type Value } from './trace.ts';

export interface SplitGraph {
  /** Computes what the varying inputs do not change, from the other inputs. It writes `names` of the state. */
  readonly first: Graph;
  /** The program: it reads `names` of the state, and takes the varying inputs alone. */
  readonly rest: Graph;
  readonly names: readonly string[];
}

/** `free` depends on no input: each of the two programs computes it for itself. */
type Kind = 'free' | 'fixed' | 'varying';

/**
 * Splits a graph that writes no state. Both programs together have its operations.
 * @param varying Names of inputs that change from run to run.
 * @param prefix Start of the names of the state between the two programs.
 * @returns Undefined when there is nothing to compute first.
 */
export function splitGraph(graph: Graph, varying: ReadonlySet<string>, prefix: string): SplitGraph | undefined {
  const kinds: Kind[] = [];
  for (const node of graph.nodes) {
    const operands = node.inputs.map(id => kinds[id]);
    if (node.op === 'input') kinds.push(varying.has(node.attrs.name) ? 'varying' : 'fixed');
    else kinds.push(operands.includes('varying') ? 'varying' : operands.includes('fixed') ? 'fixed' : 'free');
  }
  const read = graph.nodes.flatMap(({ inputs }, id) => (kinds[id] === 'varying' ? inputs : []));
  const between = [...new Set([...read, ...Object.values(graph.outputs)])]
    .filter(id => kinds[id] === 'fixed')
    .sort((a, b) => a - b);
  if (between.length === 0) return undefined;
  const names = new Map(between.map((id, index) => [id, `${prefix}${index}`]));
  return {
    first: rebuild(
      graph,
      id => kinds[id] !== 'varying',
      new Map(),
      at => ({ writes: Object.fromEntries([...names].map(([id, name]) => [name, at(id)])) }),
    ),
    rest: rebuild(
      graph,
      id => kinds[id] !== 'fixed',
      names,
      at => ({ outputs: Object.fromEntries(Object.entries(graph.outputs).map(([name, id]) => [name, at(id)])) }),
    ),
    names: [...names.values()],
  };
}

type Ends = { readonly outputs?: Record<string, Value>; readonly writes?: Record<string, Value> };

/** The nodes that `has` selects. `given` are read from the state of that name. */
function rebuild(
  graph: Graph,
  has: (id: NodeId) => boolean,
  given: ReadonlyMap<NodeId, string>,
  end: (at: (id: NodeId) => Value) => Ends,
): Graph {
  const builder = new Builder();
  const values: (Value | undefined)[] = [];
  const at = (id: NodeId): Value => {
    const value = values[id];
    if (value === undefined) throw new GraphError(`node ${id} belongs to the other program`);
    return value;
  };
  for (const [id, { op, inputs, attrs, shape, dtype, scope }] of graph.nodes.entries()) {
    const name = given.get(id);
    if (name !== undefined) values.push(builder.state(name, { shape, dtype }));
    else if (has(id))
      values.push(builder.scope(scope, () => builder.emit<OpName>(op, inputs.map(at), attrs as OpAttrs[OpName])));
    else values.push(undefined);
  }
  const { outputs = {}, writes = {} } = end(at);
  return builder.finish(outputs, writes);
}
