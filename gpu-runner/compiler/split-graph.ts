/** @file Splits a program in two, so that what only some inputs change is computed once for many runs. */
import type { Graph } from './graph.ts';
import { rewriteGraph } from './rewrite.ts';

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
  const states = new Map([...names].map(([id, name]) => [graph.nodes[id], name]));
  const writes = Object.fromEntries([...names].map(([id, name]) => [name, id]));
  return {
    first: rewriteGraph({ ...graph, outputs: {}, writes }, () => undefined),
    rest: rewriteGraph(graph, (node, _, builder) => {
      const name = states.get(node);
      return name === undefined ? undefined : builder.state(name, node);
    }),
    names: [...names.values()],
  };
}
