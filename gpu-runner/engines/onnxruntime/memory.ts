/** @file Predicts the memory of a graph from the way ONNX Runtime plans it on the CPU (allocation_planner.cc). */

import { eliminateDeadCode } from '../../compiler/dce.ts';
import type { AnyNode, Graph, NodeId } from '../../compiler/graph.ts';
import { bytesOf, residentBytes, SOURCES } from '../../compiler/live-bytes.ts';
import type { OpName } from '../../compiler/ops.ts';
import { isSameShape } from '../../compiler/shapes.ts';
import { findSquared } from '../../compiler/targets/onnx/fused-operators.ts';
import { scheduleLate } from './schedule.ts';

/** Operations whose result shares the memory of the operand. */
const ALIASES: ReadonlySet<OpName> = new Set<OpName>(['reshape', 'stopGradient']);
/** Operations that overwrite an operand of the same shape if it has no other reader. Arithmetic kernels never do. */
const IN_PLACE: ReadonlySet<OpName> = new Set<OpName>(['softmax', 'sigmoid', 'tanh']);
/** Fixed overhead of the process: code of kernels and buffers of threads. Measured on graphs of 200 to 5500 nodes. */
const OVERHEAD_BYTES = 32 * 2 ** 20;
/** Size of the session's tables, per node. */
const NODE_BYTES = 4096;

/** Replaces sums of squares by sums over x: ReduceSumSquare never stores the squares. */
function withoutSquares(graph: Graph): Graph {
  const nodes = graph.nodes.map(node => {
    const squared = findSquared(graph, node);
    return squared === undefined ? node : { ...node, inputs: [squared] };
  });
  return eliminateDeadCode({ ...graph, nodes });
}

/** Extra bytes while the kernel of a node runs. */
function scratchBytes(node: AnyNode): number {
  // ONNX Runtime's Where makes a tensor for each side, then merges them.
  return node.op === 'select' ? 2 * bytesOf(node) : 0;
}

/**
 * By node, the node whose buffer it uses. A free buffer goes to the next result of exactly its shape, and stays
 * allocated until then.
 */
function assignBuffers(nodes: readonly AnyNode[], kept: ReadonlySet<NodeId>) {
  const readers = new Int32Array(nodes.length);
  for (const node of nodes) for (const operand of node.inputs) readers[operand] = (readers[operand] ?? 0) + 1;
  const buffers: NodeId[] = [];
  /** By buffer: number of reads still to come. */
  const pending = new Int32Array(nodes.length);
  const free: NodeId[] = [];
  const isFixed = (id: NodeId) => kept.has(id) || SOURCES.has(nodes[id]?.op ?? 'input');

  function choose(node: AnyNode, id: NodeId): NodeId {
    const [first = id] = node.inputs;
    const operandBuffer = buffers[first] ?? id;
    const fits = (other: NodeId) => {
      const owner = nodes[other];
      return owner !== undefined && isSameShape(owner.shape, node.shape) && owner.dtype === node.dtype;
    };
    if (isFixed(id)) return id;
    if (ALIASES.has(node.op)) return operandBuffer;
    if (IN_PLACE.has(node.op) && !isFixed(operandBuffer) && pending[operandBuffer] === 1 && fits(first))
      return operandBuffer;
    const found = free.findIndex(fits);
    return found < 0 ? id : (free.splice(found, 1)[0] ?? id);
  }

  for (const [id, node] of nodes.entries()) {
    const buffer = choose(node, id);
    buffers.push(buffer);
    pending[buffer] = (pending[buffer] ?? 0) + (readers[id] ?? 0);
    for (const operand of node.inputs) {
      const used = buffers[operand] ?? operand;
      pending[used] = (pending[used] ?? 0) - 1;
      // The most recently freed buffer is reused first.
      if (pending[used] === 0 && !isFixed(used)) free.unshift(used);
    }
  }
  return buffers;
}

/** Bytes of a program by how long they are held. */
export interface ProgramMemory {
  /** Feeds, both buffers of state, literals, and the process's own. */
  readonly heldBytes: number;
  /** Tables of the session. */
  readonly tableBytes: number;
  /** The most that values between operations take at a time. */
  readonly valueBytes: number;
  /** Of them, those that the end of the run leaves. */
  readonly lastBytes: number;
  /** Copies of all results, which the binding makes after the run. */
  readonly copyBytes: number;
}

/** In the order in which ONNX Runtime runs nodes and reuses buffers. */
export function predictMemory(graph: Graph): ProgramMemory {
  const { nodes, outputs, writes } = scheduleLate(withoutSquares(graph));
  const written = new Set(Object.values(writes));
  const kept = new Set([...Object.values(outputs), ...written]);
  const buffers = assignBuffers(nodes, kept);
  const lastUse = new Map<NodeId, NodeId>();
  for (const [id, node] of nodes.entries()) {
    lastUse.set(buffers[id] ?? id, id);
    for (const operand of node.inputs) lastUse.set(buffers[operand] ?? operand, id);
  }
  const freed = new Float64Array(nodes.length);
  for (const [buffer, last] of lastUse) {
    const node = nodes[buffer];
    if (node && !kept.has(buffer) && !SOURCES.has(node.op)) freed[last] = (freed[last] ?? 0) + bytesOf(node);
  }
  let live = 0;
  let valueBytes = 0;
  for (const [id, node] of nodes.entries()) {
    const isOwner = buffers[id] === id && !SOURCES.has(node.op) && !written.has(id);
    if (isOwner) live += bytesOf(node);
    valueBytes = Math.max(valueBytes, live + scratchBytes(node));
    live -= freed[id] ?? 0;
  }
  const bytesAt = (id: NodeId) => (nodes[id] ? bytesOf(nodes[id]) : 0);
  return {
    heldBytes: residentBytes({ nodes, outputs, writes }) + OVERHEAD_BYTES,
    tableBytes: nodes.length * NODE_BYTES,
    valueBytes,
    lastBytes: live,
    copyBytes: [...Object.values(outputs), ...Object.values(writes)].reduce((sum, id) => sum + bytesAt(id), 0),
  };
}

/**
 * Peak bytes of a run whose freed memory returns to the system. Measured: within 10 % of the growth of the process at
 * some hundred MB, with `arena: false` and an allocator that returns freed memory to the system.
 */
export function predictPeakBytes(graph: Graph): number {
  const { heldBytes, tableBytes, valueBytes, lastBytes, copyBytes } = predictMemory(graph);
  return heldBytes + tableBytes + Math.max(valueBytes, lastBytes + copyBytes);
}

/** Bytes of an arena by bytes of values: it cuts free memory up. Measured: 1.11 to 1.15 on three networks. */
const FRAGMENTATION = 1.12;

/** Bytes that the arena has after a run, and keeps. */
export const arenaBytes = ({ valueBytes }: ProgramMemory): number => Math.round(FRAGMENTATION * valueBytes);

/** Peak bytes of a run in the arena, which still has the memory of all values when the results are copied. */
export function peakInArena(memory: ProgramMemory): number {
  return memory.heldBytes + memory.tableBytes + arenaBytes(memory) + memory.copyBytes;
}
