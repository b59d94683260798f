/** @file Networks of the benchmarks by name. */
import type { Graph } from '../gpu-runner/compiler/graph.ts';
import { traceLabNet } from './lab-net.ts';
import { MODEL_NETS, type ModelNet, traceModelNet } from './model-nets.ts';

const modelNets: Readonly<Record<string, ModelNet>> = MODEL_NETS;
const NET_NAMES = ['lab', ...Object.keys(MODEL_NETS)];

/** Forward and backward of a network. @throws Error with the known names. */
export function traceNet(name: string): Graph {
  const model = modelNets[name];
  if (model) return traceModelNet(model).graph;
  if (name === 'lab') return traceLabNet().graph;
  throw new Error(`--net ${name}: expected one of ${NET_NAMES.join(', ')}`);
}
