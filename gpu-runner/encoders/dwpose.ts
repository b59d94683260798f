/**
 * @file The encoder `dwpose` on an engine: YOLOX finds the persons of a picture, RTMPose the 133 joints of the largest
 * (arXiv 2307.15880). Both come as ONNX files, and compute in f32, whatever the precision of the engine is.
 */
import { z } from 'zod';
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { Unprocessable } from '../../errors.ts';
import type { Engine } from '../compiler/engine.ts';
import { formatType } from '../compiler/tensor.ts';
import { type CropSize, cropPerson, frameOf } from './dwpose/crop-person.ts';
import { decodeJoints } from './dwpose/decode-joints.ts';
import {
  countPlaces,
  cutToPicture,
  type DetectorSize,
  findPersons,
  largestPerson,
  type Person,
} from './dwpose/detections.ts';
import { letterbox } from './dwpose/letterbox.ts';
import { type EncodedInput, type Picture, type RunnerEncoder, requirePicture } from './encoder.ts';
import { compileOnnx, joinBlobs, type OnnxProgram, readPictureNet } from './onnx-program.ts';

const JOINTS = WHOLEBODY_JOINTS.length;
/** Places of the coarsest grid of the detector are so many pixels apart. */
const COARSEST = 32;

const score = z.number().min(0).max(1);
const optionsSchema = z.strictObject({ joint_score: score, person_score: score });

export const dwpose: RunnerEncoder = {
  version: 1,
  signals: ['pose'],
  // A picture takes seconds on a CPU: after each, waiting jobs run.
  batch: 1,
  async open(engine, options, readWeights) {
    const { joint_score: jointScore, person_score: personScore } = optionsSchema.parse(options);
    const detector = await openDetector(engine, joinBlobs(await readWeights('detector')));
    const pose = await openPose(engine, joinBlobs(await readWeights('pose')));
    return {
      async encode(inputs) {
        const encoded: EncodedInput[] = [];
        for (const input of inputs) {
          const picture = requirePicture(input);
          const persons = await detector.find(picture, personScore);
          const largest = largestPerson(persons);
          const data = largest ? await pose.find(picture, largest, jointScore) : new Float32Array(JOINTS * 3);
          encoded.push({ pose: { shape: [JOINTS, 3], data }, facts: { persons: persons.length } });
        }
        return encoded;
      },
      async dispose() {
        await detector.dispose();
        await pose.dispose();
      },
    };
  },
};

interface Detector {
  /** Persons in the picture, the surest first. */
  find(picture: Picture, leastScore: number): Promise<Person[]>;
  dispose(): Promise<void>;
}

async function openDetector(engine: Engine, file: Uint8Array): Promise<Detector> {
  const { net, shape } = readPictureNet(file, 'detector');
  const size = sizeOfInput(shape, 'detector');
  if (size.height % COARSEST !== 0 || size.width % COARSEST !== 0) {
    throw new Unprocessable(`the network "detector" reads pictures of ${size.width} x ${size.height}`, {
      expected: `sides that are multiples of ${COARSEST}, as those of yolox_l.onnx`,
    });
  }
  const program = await compileOnnx(engine, net, [1, 3, size.height, size.width]);
  const [[name, spec] = ['', undefined], ...others] = Object.entries(program.outputs);
  const [batch, places, numbers = 0] = spec?.shape ?? [];
  if (spec?.dtype !== 'f32' || others.length > 0 || batch !== 1 || places !== countPlaces(size) || numbers < 6) {
    throw await refuse(
      program,
      'detector',
      `one output [1, ${countPlaces(size)}, 5 + classes], as that of yolox_l.onnx`,
    );
  }
  return {
    async find(picture, leastScore) {
      const { data, ratio } = letterbox(picture, size.height, size.width);
      const { [name]: output } = await program.run(data);
      const found = findPersons(Float32Array.from(output?.data ?? []), numbers - 5, size, ratio, leastScore);
      return cutToPicture(found, picture);
    },
    dispose: () => program.dispose(),
  };
}

interface PoseFinder {
  /** f32 [133, 3]. */
  find(picture: Picture, person: Person, threshold: number): Promise<Float32Array>;
  dispose(): Promise<void>;
}

async function openPose(engine: Engine, file: Uint8Array): Promise<PoseFinder> {
  const { net, shape } = readPictureNet(file, 'pose');
  const size: CropSize = sizeOfInput(shape, 'pose');
  const program = await compileOnnx(engine, net, [1, 3, size.height, size.width]);
  const [x, y, ...others] = Object.entries(program.outputs);
  const partsOf = (spec: typeof x, length: number) => {
    const [batch, joints, parts = 0] = spec?.[1].shape ?? [];
    return batch === 1 && joints === JOINTS && spec?.[1].dtype === 'f32' ? parts / length : undefined;
  };
  const [across, down] = [partsOf(x, size.width), partsOf(y, size.height)];
  if (x === undefined || y === undefined || others.length > 0 || across === undefined || across !== down) {
    throw await refuse(
      program,
      'pose',
      `two outputs [1, ${JOINTS}, columns] and [1, ${JOINTS}, rows] in equal parts of a pixel, as those of dw-ll_ucoco_384.onnx`,
    );
  }
  return {
    async find(picture, { box }, threshold) {
      const frame = frameOf(box, size);
      const outputs = await program.run(cropPerson(picture, frame, size));
      const numbers = (name: string) => Float32Array.from(outputs[name]?.data ?? []);
      return decodeJoints({ x: numbers(x[0]), y: numbers(y[0]) }, JOINTS, frame, picture, threshold);
    },
    dispose: () => program.dispose(),
  };
}

/** @throws Unprocessable unless the shape is [1 or any, 3, height, width]. */
function sizeOfInput(shape: readonly (number | string)[], part: string): DetectorSize {
  const [batch, channels, height, width] = shape;
  const isAny = batch === 1 || typeof batch === 'string';
  if (isAny && shape.length === 4 && channels === 3 && typeof height === 'number' && typeof width === 'number') {
    return { height, width };
  }
  throw new Unprocessable(`the network "${part}" reads [${shape.join(', ')}]`, {
    expected: 'pictures [1, 3, height, width] of a fixed size',
  });
}

async function refuse(program: OnnxProgram, part: string, expected: string): Promise<Unprocessable> {
  await program.dispose();
  const made = Object.entries(program.outputs).map(([name, spec]) => `"${name}" ${formatType(spec)}`);
  return new Unprocessable(`the network "${part}" makes ${made.join(', ')}`, { expected });
}
