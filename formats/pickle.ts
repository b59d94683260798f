/**
 * @file Reads pickles of protocol 2 (CPython's Lib/pickletools.py) that hold numbers, texts, lists, tuples and
 * dictionaries. A pickle is a program for a stack machine that may call any function. This reader calls only functions
 * that its user lists, and refuses every other opcode and global by name.
 */
import { Unprocessable } from '../errors.ts';

/** A function or class that a pickle names, as `module name`. */
export class PickleGlobal {
  readonly name: string;
  readonly call: PickleCall | undefined;

  constructor(name: string, call: PickleCall | undefined) {
    this.name = name;
    this.call = call;
  }
}

export class PickleList {
  readonly items: PickleValue[] = [];
}

/** A dictionary; an OrderedDict is one, too. A value under an equal key replaces the first one, as in Python. */
export class PickleDict {
  readonly entries = new Map<PickleKey, PickleValue>();
}

/** What a listed global or a persistent id makes. */
export abstract class PickleObject {}

export type PickleKey = string | number;
/** A tuple is an array. An int that is no safe integer is a bigint. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PickleValue[]
  | PickleList
  | PickleDict
  | PickleGlobal
  | PickleObject;

/** @throws Unprocessable for arguments that do not fit. */
export type PickleCall = (args: readonly PickleValue[]) => PickleValue;

export interface PickleOptions {
  /** By `module name`: its function, or undefined for a name that is a value only. */
  readonly globals?: ReadonlyMap<string, PickleCall | undefined>;
  /** The object that a persistent id stands for. */
  readonly load?: (id: PickleValue) => PickleValue;
}

export interface ReadPickle {
  readonly value: PickleValue;
  /** Index of the first byte after the pickle. */
  readonly end: number;
}

/** Longest int of the opcode LONG1. The largest one in files of PyTorch, its magic number, has 10 bytes. */
const MAX_INT_BYTES = 16;

/**
 * Takes time and memory in proportion to the bytes it reads: a size inside the pickle reserves nothing.
 * @throws Unprocessable for other opcodes and globals, and for damaged bytes.
 */
export function readPickle(bytes: Uint8Array, start = 0, options: PickleOptions = {}): ReadPickle {
  const machine = new Machine(bytes, start, options);
  for (;;) {
    const at = machine.at;
    const code = machine.readUint(1);
    if (code === STOP) return { value: machine.pop(), end: machine.at };
    const run = OPCODES.get(code);
    if (run === undefined) {
      const shown = code > 0x20 && code < 0x7f ? `"${String.fromCharCode(code)}"` : `0x${code.toString(16)}`;
      throw damaged(`the opcode ${shown} at byte ${at} is not one of those that it knows`);
    }
    run(machine);
  }
}

/** Marks the start of items on the stack. */
const MARK = Symbol('mark');

class Machine {
  at: number;
  readonly options: PickleOptions;
  readonly memo = new Map<number, PickleValue>();
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #stack: (PickleValue | typeof MARK)[] = [];

  constructor(bytes: Uint8Array, start: number, options: PickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.options = options;
  }

  push(value: PickleValue | typeof MARK): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw damaged(`the stack is empty at byte ${this.at}`);
    return value;
  }

  top(): PickleValue {
    const value = this.pop();
    this.push(value);
    return value;
  }

  popToMark(): PickleValue[] {
    const items: PickleValue[] = [];
    for (;;) {
      const value = this.#stack.pop();
      if (value === undefined) throw damaged(`no mark is on the stack at byte ${this.at}`);
      if (value === MARK) return items.reverse();
      items.push(value);
    }
  }

  take(size: number): Uint8Array {
    const end = this.at + size;
    if (end > this.#bytes.length) throw damaged(`it is cut short: byte ${end} of ${this.#bytes.length} is missing`);
    const part = this.#bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }

  readUint(size: 1 | 2 | 4): number {
    return this.take(size).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  readInt32(): number {
    this.take(4);
    return this.#view.getInt32(this.at - 4, true);
  }

  readFloat64(): number {
    this.take(8);
    return this.#view.getFloat64(this.at - 8, false);
  }

  readLine(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    const line = this.take((end < 0 ? this.#bytes.length : end) - this.at);
    this.take(1);
    return decodeText(line);
  }
}

const STOP = '.'.charCodeAt(0);

/** One row for each opcode. */
const OPCODES: ReadonlyMap<number, (machine: Machine) => void> = new Map([
  [0x80, requireProtocol],
  op('(', machine => machine.push(MARK)),
  op('N', machine => machine.push(null)),
  [0x88, machine => machine.push(true)],
  [0x89, machine => machine.push(false)],
  op('K', machine => machine.push(machine.readUint(1))),
  op('M', machine => machine.push(machine.readUint(2))),
  op('J', machine => machine.push(machine.readInt32())),
  [0x8a, machine => machine.push(readLong(machine))],
  op('G', machine => machine.push(machine.readFloat64())),
  op('X', machine => machine.push(decodeText(machine.take(machine.readUint(4))))),
  // A text of Python 2.
  op('U', machine => machine.push(decodeText(machine.take(machine.readUint(1))))),
  op(']', machine => machine.push(new PickleList())),
  op('}', machine => machine.push(new PickleDict())),
  op(')', machine => machine.push([])),
  [0x85, machine => pushTuple(machine, 1)],
  [0x86, machine => pushTuple(machine, 2)],
  [0x87, machine => pushTuple(machine, 3)],
  op('t', machine => machine.push(machine.popToMark())),
  op('a', machine => append(machine, [machine.pop()])),
  op('e', machine => append(machine, machine.popToMark())),
  op('s', machine => setItems(machine, [machine.pop(), machine.pop()].reverse())),
  op('u', machine => setItems(machine, machine.popToMark())),
  op('q', machine => machine.memo.set(machine.readUint(1), machine.top())),
  op('r', machine => machine.memo.set(machine.readUint(4), machine.top())),
  op('h', machine => machine.push(recall(machine, machine.readUint(1)))),
  op('j', machine => machine.push(recall(machine, machine.readUint(4)))),
  op('c', machine => machine.push(findGlobal(machine))),
  op('Q', machine => machine.push(loadPersistent(machine))),
  op('R', callGlobal),
  op('b', ignoreAttributes),
]);

function op(character: string, run: (machine: Machine) => void): [number, (machine: Machine) => void] {
  return [character.charCodeAt(0), run];
}

function requireProtocol(machine: Machine): void {
  const protocol = machine.readUint(1);
  if (protocol !== 2) throw damaged(`it has protocol ${protocol}, not 2`);
}

function readLong(machine: Machine): number | bigint {
  const size = machine.readUint(1);
  if (size > MAX_INT_BYTES) throw damaged(`an int of ${size} bytes, more than ${MAX_INT_BYTES}`);
  const unsigned = machine.take(size).reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
  const value = BigInt.asIntN(8 * size, unsigned);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function pushTuple(machine: Machine, size: number): void {
  machine.push(Array.from({ length: size }, () => machine.pop()).reverse());
}

function append(machine: Machine, items: readonly PickleValue[]): void {
  const list = machine.top();
  if (!(list instanceof PickleList)) throw damaged(`items for ${describe(list)} instead of a list`);
  for (const item of items) list.items.push(item);
}

function setItems(machine: Machine, pairs: readonly PickleValue[]): void {
  const dict = machine.top();
  if (!(dict instanceof PickleDict)) throw damaged(`keys for ${describe(dict)} instead of a dictionary`);
  if (pairs.length % 2 !== 0) throw damaged('a key without a value');
  for (let i = 0; i < pairs.length; i += 2) {
    const [key, value = null] = [pairs[i], pairs[i + 1]];
    if (typeof key !== 'string' && typeof key !== 'number') throw damaged(`${describe(key ?? null)} as a key`);
    dict.entries.set(key, value);
  }
}

function recall(machine: Machine, index: number): PickleValue {
  const value = machine.memo.get(index);
  if (value === undefined) throw damaged(`it recalls the value ${index}, which it has not stored`);
  return value;
}

function findGlobal(machine: Machine): PickleGlobal {
  const name = `${machine.readLine()} ${machine.readLine()}`;
  const { globals } = machine.options;
  if (globals?.has(name) === true) return new PickleGlobal(name, globals.get(name));
  throw new Unprocessable(`the pickle names ${JSON.stringify(name.slice(0, 200))}, which this reader does not know`, {
    expected: `plain containers, and of Python's names only: ${[...(globals?.keys() ?? [])].join(', ') || 'none'}`,
    hint: 'a pickle can run any program, so others are refused; save the tensors as safetensors instead',
  });
}

function loadPersistent(machine: Machine): PickleValue {
  const id = machine.pop();
  if (machine.options.load) return machine.options.load(id);
  throw damaged('it names an object outside of itself');
}

function callGlobal(machine: Machine): void {
  const args = machine.pop();
  const fn = machine.pop();
  if (!(fn instanceof PickleGlobal) || fn.call === undefined) throw damaged(`it calls ${describe(fn)}`);
  if (!Array.isArray(args)) throw damaged(`it calls ${fn.name} with ${describe(args)} instead of a tuple`);
  machine.push(fn.call(args));
}

/** An OrderedDict of PyTorch carries the versions of its modules in an attribute, which says nothing about tensors. */
function ignoreAttributes(machine: Machine): void {
  const attributes = machine.pop();
  const target = machine.top();
  if (target instanceof PickleDict && attributes instanceof PickleDict) return;
  throw damaged(`it sets attributes of ${describe(target)}`);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw damaged('a text is not UTF-8', cause);
  }
}

/** The kind of a value, for a message. */
export function describe(value: PickleValue): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return `a tuple of ${value.length}`;
  if (value instanceof PickleList) return `a list of ${value.items.length}`;
  if (value instanceof PickleDict) return `a dictionary of ${value.entries.size}`;
  if (value instanceof PickleGlobal) return value.name;
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : String(value);
}

function damaged(what: string, cause?: unknown): Unprocessable {
  return new Unprocessable(`the pickle does not read: ${what}`, {
    expected: 'a whole pickle of protocol 2 with plain containers',
    ...(cause === undefined ? {} : { cause }),
  });
}
