/** The oracle of the networks is ONNX Runtime, which runs the same files. */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import type { Engine } from '../compiler/engine.ts';
import { encodeModel } from '../compiler/targets/onnx/model.ts';
import { floats, modelOf, node } from '../compiler/targets/onnx/testing/model-of.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { ort } from '../engines/onnxruntime/runtime.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { cropPerson, frameOf } from './dwpose/crop-person.ts';
import { decodeJoints } from './dwpose/decode-joints.ts';
import { cutToPicture, findPersons, largestPerson } from './dwpose/detections.ts';
import { letterbox } from './dwpose/letterbox.ts';
import { dwpose } from './dwpose.ts';
import type { EncodedInput, Picture } from './encoder.ts';

const fileOf = (name: string) => readFileSync(new URL(`dwpose/testdata/${name}.onnx`, import.meta.url));
const FILES = { detector: fileOf('detector'), pose: fileOf('pose') };
const OPTIONS = { joint_score: 0.3, person_score: 0.3 };

function drawPicture(height: number, width: number, seed: number): Picture {
  let state = seed;
  const data = Uint8Array.from({ length: 3 * height * width }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
  return { data, height, width };
}
const PICTURES = [
  ...Array.from({ length: 3 }, (_, i) => drawPicture(30 + 17 * i, 90 - 11 * i, i + 1)),
  { data: new Uint8Array(3 * 40 * 40), height: 40, width: 40 },
];

const sessions = Promise.all([FILES.detector, FILES.pose].map(file => ort.InferenceSession.create(file)));

/** The same chain, with both networks run by ONNX Runtime itself. */
async function encodeByOrt(picture: Picture): Promise<EncodedInput> {
  const [detector, pose] = await sessions;
  const { data, ratio } = letterbox(picture, 64, 64);
  const boxes = await detector!.run({ images: new ort.Tensor('float32', data, [1, 3, 64, 64]) });
  const found = findPersons(
    boxes.output!.data as Float32Array,
    3,
    { height: 64, width: 64 },
    ratio,
    OPTIONS.person_score,
  );
  const persons = cutToPicture(found, picture);
  const person = largestPerson(persons);
  const facts = { persons: persons.length };
  if (person === undefined) return { pose: { shape: [133, 3], data: new Float32Array(399) }, facts };
  const size = { height: 96, width: 64 };
  const frame = frameOf(person.box, size);
  const crop = new ort.Tensor('float32', cropPerson(picture, frame, size), [1, 3, 96, 64]);
  const { simcc_x: x, simcc_y: y } = await pose!.run({ input: crop });
  const scores = { x: x!.data as Float32Array, y: y!.data as Float32Array };
  const joints = decodeJoints(scores, 133, frame, picture, OPTIONS.joint_score);
  return { pose: { shape: [133, 3], data: joints }, facts };
}

const open = (engine: Engine, files: Readonly<Record<string, Uint8Array>> = FILES, options = OPTIONS) =>
  dwpose.open(engine, options, async part => [files[part] ?? new Uint8Array()]);

let expected: EncodedInput[];
beforeAll(async () => {
  expected = [];
  for (const picture of PICTURES) expected.push(await encodeByOrt(picture));
});

test.each([createReferenceEngine(), createOnnxRuntimeEngine({ threads: 1 })])(
  'poses on $name are those of ONNX Runtime with the same files',
  async engine => {
    const encoder = await open(engine);
    const found = await encoder.encode(PICTURES.map(image => ({ image })));
    await encoder.dispose();
    expect(found.map(({ facts }) => facts)).toEqual(expected.map(({ facts }) => facts));
    let equal = 0;
    for (const [i, { pose }] of expected.entries()) {
      const own = found[i]?.pose;
      expect(own?.shape).toEqual([133, 3]);
      for (let joint = 0; joint < 133; joint++) {
        const numbers = (array: Float32Array | undefined) => [...(array?.subarray(joint * 3, joint * 3 + 3) ?? [])];
        const [a, b] = [numbers(own?.data), numbers(pose?.data)];
        // Two places of nearly equal score may change places.
        if (a.every((x, k) => Math.abs(x - (b[k] ?? Number.NaN)) < 1e-3)) equal++;
      }
    }
    expect(equal).toBeGreaterThanOrEqual(133 * PICTURES.length - 4);
    // Some joints are found and some are not, and the pictures differ in their persons.
    const sure = expected.map(({ pose }) => pose?.data.filter((x, i) => i % 3 === 2 && x > 0).length ?? 0);
    expect(Math.max(...sure)).toBeGreaterThan(20);
    expect(new Set(expected.map(({ facts }) => facts?.persons)).size).toBeGreaterThan(1);
  },
);

test('a picture without a person has a pose of zeros', async () => {
  const encoder = await open(createReferenceEngine(), FILES, { joint_score: 0.3, person_score: 1 });
  const [found] = await encoder.encode([{ image: PICTURES[0]! }]);
  expect(found?.facts).toEqual({ persons: 0 });
  expect(found?.pose?.data.every(x => x === 0)).toBe(true);
});

test('files of other networks are refused with what they read or make', async () => {
  const engine = createReferenceEngine();
  const conv = (size: number, channels = 3) =>
    modelOf(
      [1, channels, size, size],
      [1, 3, size, size],
      [node('Conv', 'x w', 'y')],
      [floats('w', [3, channels, 1, 1])],
    );
  await expect(open(engine, { ...FILES, detector: conv(32) })).rejects.toThrow(
    'the network "detector" makes "y" f32[1, 3, 32, 32]',
  );
  await expect(open(engine, { ...FILES, detector: conv(33) })).rejects.toThrow('reads pictures of 33 x 33');
  await expect(open(engine, { ...FILES, detector: conv(32, 4) })).rejects.toThrow('reads [1, 4, 32, 32]');
  await expect(open(engine, { ...FILES, pose: FILES.detector })).rejects.toThrow('the network "pose" makes "output"');
  await expect(open(engine, { ...FILES, pose: Buffer.from('<html>') })).rejects.toThrow(/ONNX model|protocol buffers/);
  const none = encodeModel({ nodes: [], initializers: [], inputs: [], outputs: [] });
  await expect(open(engine, { ...FILES, detector: none })).rejects.toThrow(
    'the network "detector" cannot be read: the ONNX model has no output',
  );
  const encoder = await open(engine);
  await expect(encoder.encode([{ caption: 'x' }])).rejects.toThrow('reads pictures, not captions');
});

test('a file that was cut into several blobs is joined', async () => {
  const parts = (file: Uint8Array) => [file.subarray(0, 1000), file.subarray(1000)];
  const engine = createOnnxRuntimeEngine({ threads: 1 });
  const encoder = await dwpose.open(engine, OPTIONS, async part =>
    parts(part === 'pose' ? FILES.pose : FILES.detector),
  );
  const [found] = await encoder.encode([{ image: PICTURES[1]! }]);
  expect(found?.facts).toEqual(expected[1]?.facts);
});
