/** @file ONNX messages (onnx/onnx.proto, IR version 10) from plain records. */

import { MessageWriter, scanFields } from '../../../../formats/protobuf.ts';
import type { DType, Shape, TensorSpec } from '../../tensor.ts';

export type OnnxAttribute = number | { readonly float: number } | readonly number[] | string;

export interface OnnxNode {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** Default: ai.onnx. */
  readonly domain?: string;
}

export interface OnnxInitializer {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly (readonly [string, TensorSpec])[];
  readonly outputs: readonly (readonly [string, TensorSpec])[];
  /** Version of the operators; default 21. */
  readonly opset?: number;
}

export type OnnxType = DType | 'i64';

/** TensorProto.DataType */
export const ONNX_TYPES: Readonly<Record<OnnxType, number>> = { f32: 1, i32: 6, i64: 7, bool: 9, f16: 10, bf16: 16 };

/** Opset 21: the newest for which ONNX Runtime's WebGPU provider has all the kernels. */
const OPSET = 21;
const IR_VERSION = 10;
const MICROSOFT_DOMAIN = 'com.microsoft';

export function encodeModel(model: OnnxModel): Uint8Array {
  const writer = new MessageWriter().int(1, IR_VERSION).string(2, 'easel');
  writer.message(7, graph => {
    for (const node of model.nodes) graph.message(1, message => writeNode(message, node));
    graph.string(2, 'graph');
    for (const initializer of model.initializers) graph.message(5, message => writeTensor(message, initializer));
    for (const [name, spec] of model.inputs) graph.message(11, message => writeValueInfo(message, name, spec));
    for (const [name, spec] of model.outputs) graph.message(12, message => writeValueInfo(message, name, spec));
  });
  writer.message(8, opset => opset.string(1, '').int(2, model.opset ?? OPSET));
  writer.message(8, opset => opset.string(1, MICROSOFT_DOMAIN).int(2, 1));
  return writer.finish();
}

function writeNode(message: MessageWriter, node: OnnxNode): void {
  for (const input of node.inputs) message.string(1, input);
  for (const output of node.outputs) message.string(2, output);
  message.string(3, node.outputs[0] ?? '').string(4, node.type);
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    message.message(5, attribute => writeAttribute(attribute, name, value));
  }
  if (node.domain !== undefined) message.string(7, node.domain);
}

/** AttributeProto: f 2 (FLOAT 1), i 3 (INT 2), s 4 (STRING 3), ints 8 (INTS 7), type 20. */
function writeAttribute(message: MessageWriter, name: string, value: OnnxAttribute): void {
  message.string(1, name);
  if (typeof value === 'number') message.int(3, value).int(20, 2);
  else if (typeof value === 'string') message.string(4, value).int(20, 3);
  else if ('float' in value) message.float(2, value.float).int(20, 1);
  else {
    for (const item of value) message.int(8, item);
    message.int(20, 7);
  }
}

function writeTensor(message: MessageWriter, tensor: OnnxInitializer): void {
  for (const size of tensor.shape) message.int(1, size);
  message.int(2, ONNX_TYPES[tensor.type]).string(8, tensor.name).bytes(9, tensor.bytes);
}

function writeValueInfo(message: MessageWriter, name: string, spec: TensorSpec): void {
  message.string(1, name).message(2, type =>
    type.message(1, tensor => {
      tensor.int(1, ONNX_TYPES[spec.dtype]).message(2, shape => {
        for (const size of spec.shape) shape.message(1, dimension => dimension.int(1, size));
      });
    }),
  );
}

const MODEL_GRAPH = 7;
const GRAPH_NODE = 1;

/** Reverses the order of the graph's nodes in an encoded model. @throws InvalidInput if the bytes are not a model. */
export function reverseNodes(model: Uint8Array): Uint8Array {
  const graph = [...scanFields(model)].find(({ field }) => field === MODEL_GRAPH);
  if (graph === undefined) return model;
  const places = [...scanFields(model, graph.body, graph.end)];
  const nodes = places.filter(({ field }) => field === GRAPH_NODE).reverse();
  const reversed = new Uint8Array(model.length);
  reversed.set(model.subarray(0, graph.body));
  reversed.set(model.subarray(graph.end), graph.end);
  let [at, next] = [graph.body, 0];
  for (const place of places) {
    const { start, end } = (place.field === GRAPH_NODE ? nodes[next++] : place) ?? place;
    reversed.set(model.subarray(start, end), at);
    at += end - start;
  }
  return reversed;
}
