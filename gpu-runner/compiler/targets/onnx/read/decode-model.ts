/** @file ONNX messages (onnx/onnx.proto) as plain records. Field numbers are those of the messages. */
import { InvalidInput, Unprocessable } from '../../../../../errors.ts';
import { MessageReader } from '../../../../../formats/protobuf-reader.ts';
import { sizeOf } from '../../../tensor.ts';
import { Known, type KnownType } from './known.ts';

/** A size, or the name of one that the caller states. */
export type Dimension = number | string;

/** An input of the graph that is no initializer. */
export interface OnnxInput {
  readonly name: string;
  readonly type: KnownType;
  readonly shape: readonly Dimension[];
}

export type AttributeValue =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly tensor: Known }
  | { readonly other: string };

export interface DecodedNode {
  readonly type: string;
  readonly name: string;
  readonly domain: string;
  /** An empty name is an input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

export interface DecodedModel {
  readonly opset: number;
  readonly nodes: readonly DecodedNode[];
  readonly initializers: ReadonlyMap<string, Known>;
  readonly inputs: readonly OnnxInput[];
  readonly outputs: readonly string[];
}

/** TensorProto.DataType by number. */
const TYPE_NAMES = [
  ...['UNDEFINED', 'FLOAT', 'UINT8', 'INT8', 'UINT16', 'INT16', 'INT32', 'INT64', 'STRING', 'BOOL', 'FLOAT16'],
  ...['DOUBLE', 'UINT32', 'UINT64', 'COMPLEX64', 'COMPLEX128', 'BFLOAT16'],
];
const TYPES: Readonly<Partial<Record<string, KnownType>>> = { FLOAT: 'f32', INT32: 'i32', INT64: 'i64', BOOL: 'bool' };
/** AttributeProto.AttributeType by number. */
const ATTRIBUTE_NAMES = ['undefined', 'float', 'int', 'string', 'tensor', 'graph', 'floats', 'ints', 'strings'];
const MOST_AXES = 8;

/**
 * @throws InvalidInput for bytes that are not an ONNX model, Unprocessable for types that a graph of ours cannot have.
 */
export function decodeOnnx(bytes: Uint8Array): DecodedModel {
  const model = new MessageReader(bytes);
  const [graph] = model.messages(7);
  const opset = model
    .messages(8)
    .find(each => ['', 'ai.onnx'].includes(each.text(1)))
    ?.int(2);
  if (graph === undefined || opset === undefined) {
    throw new InvalidInput('the bytes are not an ONNX model', { expected: 'a file NAME.onnx' });
  }
  if (graph.has(15)) throw new Unprocessable('the ONNX model has sparse weights', { expected: 'dense weights' });
  const initializers = new Map(
    graph.messages(5).map(message => [message.text(8), decodeTensor(message, `weight "${message.text(8)}"`)] as const),
  );
  return {
    opset,
    nodes: graph.messages(1).map(decodeNode),
    initializers,
    inputs: graph
      .messages(11)
      .filter(each => !initializers.has(each.text(1)))
      .map(decodeInput),
    outputs: graph.messages(12).map(each => each.text(1)),
  };
}

/** The type of a number of TensorProto.DataType. @throws Unprocessable for one that a graph of ours cannot have. */
export function typeOf(number: number, of: string): KnownType {
  const name = TYPE_NAMES[number] ?? `number ${number}`;
  const type = TYPES[name];
  if (type !== undefined) return type;
  throw new Unprocessable(`${of} has the type ${name}`, { expected: `one of: ${Object.keys(TYPES).join(', ')}` });
}

function decodeInput(message: MessageReader): OnnxInput {
  const name = message.text(1);
  const [tensor] = message.messages(2).flatMap(type => type.messages(1));
  const [shape] = tensor?.messages(2) ?? [];
  if (tensor === undefined || shape === undefined) {
    throw new Unprocessable(`the input "${name}" of the ONNX model has no shape`, {
      expected: 'a tensor with a shape',
    });
  }
  const sizes = shape.messages(1).map((size, axis) => (size.has(1) ? size.int(1) : size.text(2) || `axis ${axis}`));
  return { name, type: typeOf(tensor.int(1), `the input "${name}"`), shape: sizes };
}

function decodeNode(message: MessageReader): DecodedNode {
  const outputs = message.texts(2);
  const [name, type] = [message.text(3) || (outputs[0] ?? ''), message.text(4)];
  const attributes = message.messages(5).map(each => {
    const of = `attribute "${each.text(1)}" of ${type} "${name}"`;
    return [each.text(1), decodeAttribute(each, of)] as const;
  });
  return { type, name, domain: message.text(7), inputs: message.texts(1), outputs, attributes: new Map(attributes) };
}

function decodeAttribute(message: MessageReader, of: string): AttributeValue {
  const kind = ATTRIBUTE_NAMES[message.int(20)] ?? 'unknown';
  switch (kind) {
    case 'float':
      return { float: message.float(2) ?? 0 };
    case 'int':
      return { int: message.int(3) };
    case 'string':
      return { text: message.text(4) };
    case 'tensor': {
      const [tensor] = message.messages(5);
      return tensor ? { tensor: decodeTensor(tensor, of) } : { other: kind };
    }
    case 'floats':
      return { floats: [...message.floats(7)] };
    case 'ints':
      return { ints: message.ints(8) };
    default:
      return { other: kind };
  }
}

function decodeTensor(message: MessageReader, of: string): Known {
  const shape = message.ints(1);
  if (message.int(14) !== 0 || message.has(13)) {
    throw new Unprocessable(`the ${of} is in another file`, { expected: 'one file with all weights inside' });
  }
  const type = typeOf(message.int(2), `the ${of}`);
  const data = readNumbers(message, type);
  const isShape = shape.length <= MOST_AXES && shape.every(size => size >= 0 && Number.isSafeInteger(size));
  if (isShape && data !== undefined && data.length === sizeOf(shape)) return new Known(type, shape, data);
  throw new InvalidInput(`the ${of} of the ONNX model is damaged`, {
    expected: `numbers that fill [${shape.join(', ')}]`,
  });
}

/** The numbers of a tensor; undefined if their bytes do not fill whole ones. */
function readNumbers(message: MessageReader, type: KnownType): Float32Array | Float64Array | undefined {
  const raw = message.bytes(9);
  if (raw === undefined) {
    if (type === 'f32') return message.floats(4);
    return Float64Array.from(message.ints(type === 'i64' ? 7 : 5));
  }
  const bytesEach = { f32: 4, i32: 4, i64: 8, bool: 1 }[type];
  if (raw.length % bytesEach !== 0) return undefined;
  const { buffer } = new Uint8Array(raw);
  if (type === 'f32') return new Float32Array(buffer);
  if (type === 'i64') return Float64Array.from(new BigInt64Array(buffer), Number);
  return Float64Array.from(type === 'i32' ? new Int32Array(buffer) : raw);
}
