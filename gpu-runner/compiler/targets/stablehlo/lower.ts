/** @file Lowering to StableHLO: one function `main`, whose lines rules.ts writes. */
import { expandComposites } from '../../expand-composites.ts';
import { type Graph, graphInputs, graphReads, type Node } from '../../graph.ts';
import type { TensorSpec } from '../../tensor.ts';
import { isAttention, isCudnnAttention } from './attention-rules.ts';
import { Emitter, type Operand, type StableHloOptions } from './emitter.ts';
import { typeText } from './literals.ts';
import { rotateFirst } from './rotate-first.ts';
import { RULES } from './rules.ts';

/** An argument or a result of the function, in the order of the function. */
export interface Place<K extends string> {
  readonly kind: K;
  /** Name of the feed, of the state, or of the output. */
  readonly name: string;
  readonly spec: TensorSpec;
}

/** Text for XLA, with the types of the graph's feeds, outputs and state. */
export interface StableHloProgram {
  readonly text: string;
  /** The lowered graph: composites without a rule are expanded. */
  readonly graph: Graph;
  readonly inputs: ReadonlyMap<string, TensorSpec>;
  readonly reads: ReadonlyMap<string, TensorSpec>;
  readonly outputs: ReadonlyMap<string, TensorSpec>;
  readonly writes: ReadonlyMap<string, TensorSpec>;
  readonly arguments: readonly Place<'input' | 'state'>[];
  readonly results: readonly Place<'output' | 'write'>[];
  /**
   * Index of the result that takes the memory of an argument, by index of the argument: state that is read and written.
   * A run deletes these arguments.
   */
  readonly aliases: ReadonlyMap<number, number>;
}

/** StableHLO text for a graph; equal graphs give equal text. Names of feeds, state and outputs are not in the text. */
export function lowerToStableHlo(whole: Graph, options: StableHloOptions = {}): StableHloProgram {
  const rotated = rotateFirst(whole);
  const graph = expandComposites(rotated, node =>
    isAttention(node)
      ? options.attention === 'cudnn' && isCudnnAttention(node, rotated)
      : RULES[node.op] !== 'expanded',
  );
  const emit = new Emitter(options);
  const places: Place<'input' | 'state'>[] = [];
  const values: Operand[] = [];
  for (const node of graph.nodes) {
    const { shape, dtype } = node;
    if (node.op === 'input' || node.op === 'state') {
      const position = places.push({ kind: node.op, name: node.attrs.name, spec: { shape, dtype } }) - 1;
      values.push({ name: `%arg${position}`, shape, dtype });
    } else {
      const rule = RULES[node.op];
      if (rule === 'expanded') throw new TypeError(`${node.op} was not expanded`);
      const operands = node.inputs.map(input => valueAt(values, input));
      values.push((rule as (emit: Emitter, node: Node, operands: Operand[]) => Operand)(emit, node as Node, operands));
    }
  }
  const ends = [...endsOf(graph.outputs, 'output', values), ...endsOf(graph.writes, 'write', values)];
  const results = ends.map(({ place }) => place);
  const aliases = options.donatesState === false ? new Map<number, number>() : findAliases(places, results);
  return {
    text: moduleText(emit, places, ends, aliases),
    graph,
    inputs: graphInputs(graph),
    reads: graphReads(graph),
    outputs: specsOf(results, 'output'),
    writes: specsOf(results, 'write'),
    arguments: places,
    results,
    aliases,
  };
}

interface End {
  readonly place: Place<'output' | 'write'>;
  readonly value: Operand;
}

function endsOf(ids: Graph['outputs'], kind: 'output' | 'write', values: readonly Operand[]): End[] {
  return Object.entries(ids).map(([name, id]) => {
    const value = valueAt(values, id);
    return { place: { kind, name, spec: { shape: value.shape, dtype: value.dtype } }, value };
  });
}

function valueAt(values: readonly Operand[], id: number): Operand {
  const value = values[id];
  if (value === undefined) throw new TypeError(`node ${id} is read before it is computed`);
  return value;
}

function specsOf(results: readonly Place<string>[], kind: 'output' | 'write'): Map<string, TensorSpec> {
  return new Map(results.filter(place => place.kind === kind).map(({ name, spec }) => [name, spec]));
}

function findAliases(places: readonly Place<string>[], results: readonly Place<string>[]): Map<number, number> {
  const written = new Map(results.flatMap(({ kind, name }, index) => (kind === 'write' ? [[name, index]] : [])));
  return new Map(
    places.flatMap(({ kind, name }, index) => {
      const result = kind === 'state' ? written.get(name) : undefined;
      return result === undefined ? [] : [[index, result]];
    }),
  );
}

/**
 * The whole text. How many devices take part is said by the compile options; the attributes of the module only repeat
 * it.
 */
function moduleText(
  emit: Emitter,
  places: readonly Place<string>[],
  ends: readonly End[],
  aliases: ReadonlyMap<number, number>,
): string {
  const parameters = places.map(({ spec }, index) => {
    const result = aliases.get(index);
    return `%arg${index}: ${typeText(spec)}${result === undefined ? '' : ` {tf.aliasing_output = ${result} : i32}`}`;
  });
  const types = ends.map(({ value }) => typeText(value)).join(', ');
  const lines = [
    `func.func public @main(${parameters.join(', ')}) -> (${types}) {`,
    ...emit.lines.map(line => `  ${line}`),
    `  return ${ends.map(({ value }) => value.name).join(', ')} : ${types}`,
    '}',
  ];
  return [
    'module @easel attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {',
    ...lines.map(line => `  ${line}`),
    '}\n',
  ].join('\n');
}
