import type { Graph } from './graph.ts';
import type { OpRow } from './op-rows.ts';
import { OPS, type OpName } from './ops.ts';
import { GraphError, isSameShape } from './shapes.ts';
import { formatType, type TensorSpec } from './tensor.ts';

/** Checks order, arity, types against the shape rules, and that each name has one meaning. @throws GraphError */
export function verify(graph: Graph): Graph {
  const types = new Map<string, TensorSpec>();
  for (const [id, node] of graph.nodes.entries()) {
    const fail = (message: string): never => {
      throw new GraphError(`node ${id} (${node.op}${node.scope ? ` in ${node.scope}` : ''}): ${message}`);
    };
    const row = OPS[node.op] as OpRow<unknown> & (typeof OPS)[OpName];
    if (row.arity !== undefined && node.inputs.length !== row.arity)
      fail(`expected ${row.arity} operands, got ${node.inputs.length}`);
    const operands = node.inputs.map(input => {
      const operand = input < id ? graph.nodes[input] : undefined;
      return operand ?? fail(`operand ${input} is not defined before it`);
    });
    const spec = (row as OpRow<unknown>).infer(operands, node.attrs);
    if (!isSameShape(spec.shape, node.shape) || spec.dtype !== node.dtype) {
      fail(`is typed ${formatType(node)}, its rule gives ${formatType(spec)}`);
    }
    if (node.op === 'input' || node.op === 'state') {
      const name = `${node.op} ${node.attrs.name}`;
      if (types.has(name)) fail(`${name} is declared twice`);
      types.set(name, spec);
    }
  }
  for (const [name, id] of [...Object.entries(graph.outputs), ...Object.entries(graph.writes)]) {
    if (graph.nodes[id] === undefined) throw new GraphError(`"${name}" refers to node ${id}, which does not exist`);
  }
  for (const [name, id] of Object.entries(graph.writes)) {
    const before = types.get(`state ${name}`);
    const after = graph.nodes[id];
    if (before && after && (!isSameShape(before.shape, after.shape) || before.dtype !== after.dtype)) {
      throw new GraphError(`state "${name}" is read as ${formatType(before)} and written as ${formatType(after)}`);
    }
  }
  return graph;
}
