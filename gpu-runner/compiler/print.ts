import { createHash } from 'node:crypto';
import type { AnyNode, Graph } from './graph.ts';
import { formatType } from './tensor.ts';

/** One line per node, stable: `%3 = add(%1, %2) : f32[4, 8]`. */
export function printGraph(graph: Graph): string {
  const lines = graph.nodes.map((node, id) => `%${id} = ${printNode(node)}`);
  for (const [name, id] of Object.entries(graph.writes)) lines.push(`write ${name} = %${id}`);
  for (const [name, id] of Object.entries(graph.outputs)) lines.push(`return ${name} = %${id}`);
  return lines.join('\n');
}

function printNode(node: AnyNode): string {
  const operands = node.inputs.map(input => `%${input}`).join(', ');
  return `${node.op}(${operands})${printAttrs(node)} : ${formatType(node)}`;
}

function printAttrs(node: AnyNode): string {
  if (node.op === 'input' || node.op === 'state') return ` "${node.attrs.name}"`;
  if (node.op === 'constant') {
    const { values } = node.attrs;
    return ` ${values.length > 8 ? `[${values.slice(0, 4).join(', ')}, ... ${values.length}]` : `[${values.join(', ')}]`}`;
  }
  const entries = Object.entries(node.attrs as Record<string, unknown>);
  return entries.length === 0
    ? ''
    : ` {${entries.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}}`;
}

/** Attributes as a key: JSON, in which Infinity and NaN keep their names. */
export function encodeAttrs(attrs: object): string {
  return JSON.stringify(attrs, (_, value) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}

/** sha256 over operations, types and wiring; the names of inputs, state and outputs, and scopes, do not enter. */
export function hashGraph(graph: Graph): string {
  const hash = createHash('sha256');
  for (const node of graph.nodes) {
    const attrs = node.op === 'input' || node.op === 'state' ? {} : node.attrs;
    hash.update(`${node.op}|${node.inputs.join(',')}|${encodeAttrs(attrs)}|${formatType(node)}\n`);
  }
  hash.update(`${Object.values(graph.writes).join(',')}|${Object.values(graph.outputs).join(',')}`);
  return hash.digest('hex');
}
