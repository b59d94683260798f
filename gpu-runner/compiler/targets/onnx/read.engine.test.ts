/** The oracle is ONNX Runtime, which runs the same bytes. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ort } from '../../../engines/onnxruntime/runtime.ts';
import { createReferenceEngine } from '../../../engines/reference/engine.ts';
import { optimize } from '../../passes/optimize.ts';
import type { Shape, Tensor } from '../../tensor.ts';
import { readOnnx } from './read.ts';
import { LAYER_CASES } from './testing/layer-cases.ts';
import { fill } from './testing/model-of.ts';
import { MOVEMENT_CASES } from './testing/movement-cases.ts';

const engine = createReferenceEngine();

/** Runs the bytes on ONNX Runtime, and their graph on the reference engine. */
async function runBoth(bytes: Uint8Array, feeds: Readonly<Record<string, Shape>>) {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const given = Object.entries(feeds).map(([name, shape], i) => [name, shape, fill(shape, i)] as const);
  const expected = await session.run(
    Object.fromEntries(given.map(([name, shape, data]) => [name, new ort.Tensor('float32', data, shape)])),
  );
  const { graph, state } = readOnnx(bytes).trace(feeds);
  const executable = await engine.compile(optimize(graph, engine));
  const tensors = given.map(([name, shape, data]): [string, Tensor] => [name, { shape, dtype: 'f32', data }]);
  const found = await executable.run(engine.createState(state), Object.fromEntries(tensors));
  await session.release();
  return { expected, found };
}

async function expectEqual(bytes: Uint8Array, feeds: Readonly<Record<string, Shape>>) {
  const { expected, found } = await runBoth(bytes, feeds);
  expect(Object.keys(found)).toEqual(Object.keys(expected));
  for (const [name, { dims, data }] of Object.entries(expected)) {
    expect(found[name]?.shape, name).toEqual(dims);
    const numbers = Array.from(data as Float32Array, Number);
    const scale = Math.max(1e-3, ...numbers.map(Math.abs));
    const worst = Math.max(...numbers.map((x, i) => Math.abs(x - Number(found[name]?.data[i]))));
    expect(worst / scale, name).toBeLessThan(1e-5);
  }
}

describe('reading ONNX', () => {
  test.each([...LAYER_CASES, ...MOVEMENT_CASES])('%s gives what ONNX Runtime gives', async (_, model) => {
    const { inputs } = readOnnx(model);
    await expectEqual(model, { x: inputs[0]?.shape.map(Number) ?? [] });
  });

  test('networks like YOLOX and RTMPose as PyTorch exports them', async () => {
    const open = (name: string) =>
      readFileSync(new URL(`../../../encoders/dwpose/testdata/${name}.onnx`, import.meta.url));
    await expectEqual(open('detector'), { images: [1, 3, 64, 64] });
    // The number of pictures has a name in the model.
    expect(readOnnx(open('pose')).inputs).toEqual([{ name: 'input', type: 'f32', shape: ['batch', 3, 96, 64] }]);
    await expectEqual(open('pose'), { input: [2, 3, 96, 64] });
  });
});
