/** @file What an operator's rule sees of its node: operands and attributes. It refuses what the rule does not read. */
import { Unprocessable } from '../../../../../errors.ts';
import { GraphError, normalizeAxes } from '../../../shapes.ts';
import type { Builder, Value } from '../../../trace.ts';
import type { AttributeValue, DecodedNode } from './decode-model.ts';
import { type Held, isKnown } from './held.ts';
import type { Known } from './known.ts';

/** Makes a value of a known tensor; `name` is that of the tensor in the ONNX model. */
export type Lift = (known: Known, name: string) => Value;

export class NodeReader {
  readonly node: DecodedNode;
  readonly opset: number;
  readonly builder: Builder;
  readonly #inputs: readonly (Held | undefined)[];
  readonly #lift: Lift;
  readonly #unread: Set<string>;

  constructor(
    node: DecodedNode,
    inputs: readonly (Held | undefined)[],
    { opset, builder, lift }: { readonly opset: number; readonly builder: Builder; readonly lift: Lift },
  ) {
    this.node = node;
    this.opset = opset;
    this.builder = builder;
    this.#inputs = inputs;
    this.#lift = lift;
    this.#unread = new Set(node.attributes.keys());
  }

  /** All operands. @throws GraphError if one is left out. */
  get operands(): readonly Held[] {
    return this.#inputs.map((_, i) => this.held(i));
  }

  /** @throws GraphError if the operand is left out. */
  held(index: number): Held {
    const held = this.optional(index);
    if (held === undefined) throw new GraphError(`input ${index} is missing`);
    return held;
  }

  optional(index: number): Held | undefined {
    return this.#inputs[index];
  }

  /** An operand as a value of the graph. */
  value(index: number): Value {
    return this.lift(this.held(index));
  }

  optionalValue(index: number): Value | undefined {
    const held = this.optional(index);
    return held && this.lift(held);
  }

  /** A value of the graph. Equal tensors of the model keep their name. */
  lift(held: Held): Value {
    if (!isKnown(held)) return held;
    const index = this.#inputs.indexOf(held);
    return this.#lift(held, (index >= 0 && this.node.inputs[index]) || `${this.node.outputs[0]}:${held.data.length}`);
  }

  /** The numbers of an operand that shapes depend on. @throws GraphError if only a run would tell. */
  known(index: number): Known {
    const held = this.held(index);
    if (isKnown(held)) return held;
    throw new GraphError(`input ${index} "${this.node.inputs[index]}" depends on the picture: its shape is dynamic`);
  }

  numbers(index: number): number[] {
    return [...this.known(index).data];
  }

  /** The numbers of an operand, or of an attribute that older opsets have instead; undefined if neither is there. */
  numbersOr(index: number, attribute: string): readonly number[] | undefined {
    return this.optional(index) ? this.numbers(index) : this.ints(attribute);
  }

  /** The scalar of an operand, or of an attribute that older opsets have instead. */
  scalarOr(index: number, attribute: string): number | undefined {
    return this.optional(index) ? this.numbers(index)[0] : this.float(attribute);
  }

  int(name: string, usual: number): number {
    const value = this.#attribute(name);
    if (value === undefined) return usual;
    if ('int' in value) return value.int;
    throw new GraphError(`attribute "${name}" is no whole number`);
  }

  ints(name: string): readonly number[] | undefined {
    const value = this.#attribute(name);
    if (value === undefined || 'ints' in value) return value?.ints;
    throw new GraphError(`attribute "${name}" has no whole numbers`);
  }

  float(name: string): number | undefined {
    const value = this.#attribute(name);
    if (value === undefined || 'float' in value) return value?.float;
    throw new GraphError(`attribute "${name}" is no number`);
  }

  floats(name: string): readonly number[] | undefined {
    const value = this.#attribute(name);
    if (value === undefined || 'floats' in value) return value?.floats;
    throw new GraphError(`attribute "${name}" has no numbers`);
  }

  tensor(name: string): Known | undefined {
    const value = this.#attribute(name);
    if (value === undefined || 'tensor' in value) return value?.tensor;
    throw new GraphError(`attribute "${name}" is no tensor`);
  }

  /** One of the words that a rule knows; the first if the attribute is absent. @throws GraphError for another. */
  word<W extends string>(name: string, words: readonly [W, ...W[]]): W {
    const value = this.#attribute(name);
    if (value === undefined) return words[0];
    const word = words.find(each => 'text' in value && each === value.text);
    if (word !== undefined) return word;
    const given = 'text' in value ? value.text : 'no word';
    throw new GraphError(`attribute "${name}" is ${given}, expected one of: ${words.join(', ')}`);
  }

  /** An attribute that has no effect here, or only with other attributes that the rule refuses. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#unread.delete(name);
  }

  /** An axis counted from 0. @throws GraphError if it is outside the rank. */
  axis(given: number, rank: number): number {
    return normalizeAxes([given], rank)[0] ?? 0;
  }

  /** @throws GraphError for an attribute that no rule read: they would change the result. */
  requireAllRead(): void {
    const [name] = this.#unread;
    if (name === undefined) return;
    throw new GraphError(`attribute "${name}" is not known`);
  }

  #attribute(name: string): AttributeValue | undefined {
    this.#unread.delete(name);
    return this.node.attributes.get(name);
  }
}

/** 'Conv "/backbone/stem/conv"' */
export function nameNode({ type, name, domain }: DecodedNode): string {
  return `${domain && domain !== 'ai.onnx' ? `${domain}.` : ''}${type} "${name}"`;
}

/** Names the node in an error of a rule. */
export function explainNode(node: DecodedNode, error: unknown): unknown {
  if (!(error instanceof GraphError)) return error;
  return new Unprocessable(`the node ${nameNode(node)} of the ONNX model cannot be read: ${error.message}`, {
    hint: 'export the network again with fixed sizes, at an opset from 11 to 17',
  });
}
