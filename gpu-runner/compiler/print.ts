import { createHash } from 'node:crypto';
import type { AnyNode, Graph } from './graph.ts';
import type { OpAttrs } from './ops.ts';
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
    return values.length > 8 ? ` [${values.slice(0, 4).join(', ')}, ... ${values.length}]` : ` [${values.join(', ')}]`;
  }
  const entries = Object.entries(node.attrs as Record<string, unknown>);
  return entries.length === 0
    ? ''
    : ` {${entries.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}}`;
}

/** Digests of long literals, by array. Passes keep the array of a literal, so each literal is hashed once. */
const digests = new WeakMap<readonly number[], string>();
const LONGEST_SPELT = 16;

/** Attributes as a string key; a long literal enters as its digest. */
export function encodeAttrs(attrs: object): string {
  if (!('values' in attrs)) return JSON.stringify(attrs);
  const { values, ...rest } = attrs as OpAttrs['constant'];
  return `${JSON.stringify(rest)}${values.length > LONGEST_SPELT ? digestOf(values) : values.join()}`;
}

function digestOf(values: readonly number[]): string {
  const known = digests.get(values);
  if (known !== undefined) return known;
  const digest = createHash('sha256')
    .update(new Uint8Array(Float64Array.from(values).buffer))
    .digest('base64');
  digests.set(values, digest);
  return digest;
}

/** sha256 over operations, types and wiring; names of inputs, state and outputs, and scopes, do not count. */
export function hashGraph(graph: Graph): string {
  const hash = createHash('sha256');
  for (const node of graph.nodes) {
    const attrs = node.op === 'input' || node.op === 'state' ? {} : node.attrs;
    hash.update(`${node.op}|${node.inputs.join(',')}|${encodeAttrs(attrs)}|${formatType(node)}\n`);
  }
  hash.update(`${Object.values(graph.writes).join(',')}|${Object.values(graph.outputs).join(',')}`);
  return hash.digest('hex');
}
