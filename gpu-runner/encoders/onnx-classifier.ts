/**
 * @file Any classifier of pictures in an ONNX file, by a config that says how it reads them and what its outputs mean
 * (configs/classifier.ts). It makes no signal: its scores are facts about the pictures.
 */
import { z } from 'zod';
import { type Classifier, classifierSchema } from '../../configs/classifier.ts';
import { describeMistake } from '../../configs/issue-text.ts';
import { Unprocessable } from '../../errors.ts';
import type { OnnxInput } from '../compiler/targets/onnx/read/decode-model.ts';
import { formatType, sizeOf } from '../compiler/tensor.ts';
import { type Picture, type RunnerEncoder, requirePicture } from './encoder.ts';
import { compileOnnx, joinBlobs, readPictureNet } from './onnx-program.ts';
import { type PictureSides, scalePicture } from './scale-picture.ts';

const BATCH = 8;
/** Digits of a score. */
const DIGITS = 6;

export const onnxClassifier: RunnerEncoder = {
  version: 1,
  signals: [],
  batch: BATCH,
  async open(engine, options, readWeights) {
    z.strictObject({}).parse(options);
    const config = readConfig(joinBlobs(await readWeights('config')));
    const { net, shape } = readPictureNet(joinBlobs(await readWeights('model')), 'model');
    const { size, channelsLast } = layOut(shape, config);
    const wanted = channelsLast ? [1, size.height, size.width, 3] : [1, 3, size.height, size.width];
    const program = await compileOnnx(engine, net, wanted);
    const [[name, spec] = ['', undefined], ...others] = Object.entries(program.outputs);
    if (spec?.dtype !== 'f32' || others.length > 0 || sizeOf(spec.shape) !== config.labels.length) {
      await program.dispose();
      const made = Object.entries(program.outputs).map(([output, each]) => `"${output}" ${formatType(each)}`);
      throw new Unprocessable(`the network "model" makes ${made.join(', ')}`, {
        expected: `one output of ${config.labels.length} numbers: the config has so many labels`,
      });
    }
    return {
      async encode(inputs) {
        const encoded = [];
        for (const input of inputs) {
          const { [name]: output } = await program.run(prepare(requirePicture(input), size, config, channelsLast));
          encoded.push({ facts: scoresOf(Array.from(output?.data ?? []), config) });
        }
        return encoded;
      },
      dispose: () => program.dispose(),
    };
  },
};

function readConfig(bytes: Uint8Array): Classifier {
  const parsed = classifierSchema.safeParse(parseJson(bytes), { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Unprocessable(
    `the config of the classifier: /${issue?.path.join('/') ?? ''}: ${issue ? describeMistake(issue) : 'not read'}`,
    { expected: 'JSON with labels, mean and deviation: docs/curate.md' },
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    throw new Unprocessable('the config of the classifier is not JSON');
  }
}

/** Where the channels are, and the sides of the picture: those of the file, or of the config. */
function layOut(
  shape: OnnxInput['shape'],
  config: Classifier,
): { readonly size: PictureSides; readonly channelsLast: boolean } {
  const [batch, ...axes] = shape;
  const channelsLast = axes[2] === 3 && axes[0] !== 3;
  const [height, width] = channelsLast ? axes : axes.slice(1);
  const channels = channelsLast ? axes[2] : axes[0];
  const isPicture = shape.length === 4 && (channels === 3 || typeof channels === 'string');
  if (!isPicture || (batch !== 1 && typeof batch !== 'string')) {
    throw new Unprocessable(`the network "model" reads [${shape.join(', ')}]`, {
      expected: 'a picture [1, 3, height, width] or [1, height, width, 3]',
    });
  }
  const sideOf = (declared: number | string | undefined, given: number | undefined, name: string) => {
    const side = typeof declared === 'number' ? declared : given;
    if (side !== undefined && (given === undefined || given === side)) return side;
    throw new Unprocessable(`the network "model" reads pictures of the ${name} ${declared}`, {
      expected: side === undefined ? 'size in the config of the classifier' : `a config with that size, not ${given}`,
    });
  };
  return {
    channelsLast,
    size: { height: sideOf(height, config.size?.height, 'height'), width: sideOf(width, config.size?.width, 'width') },
  };
}

/** Levels from 0 to 1, normalized, in the order of the network. */
function prepare(picture: Picture, size: PictureSides, config: Classifier, channelsLast: boolean): Float32Array {
  const levels = scalePicture(picture, size, config.fit);
  const area = size.height * size.width;
  const data = new Float32Array(3 * area);
  for (const c of [0, 1, 2] as const) {
    const from = (config.channels === 'rgb' ? c : 2 - c) * area;
    for (let i = 0; i < area; i++) {
      const level = Math.round(levels[from + i]!) / 255;
      data[channelsLast ? 3 * i + c : c * area + i] = (level - config.mean[c]) / config.deviation[c];
    }
  }
  return data;
}

/** By label. */
function scoresOf(outputs: readonly number[], { labels, scores }: Classifier): Record<string, number> {
  const largest = Math.max(...outputs);
  const powers = outputs.map(x => Math.exp(x - largest));
  const total = powers.reduce((sum, x) => sum + x, 0);
  const score = (i: number) => {
    const output = outputs[i] ?? Number.NaN;
    if (scores === 'none') return output;
    return scores === 'sigmoid' ? 1 / (1 + Math.exp(-output)) : (powers[i] ?? Number.NaN) / total;
  };
  return Object.fromEntries(labels.map((label, i) => [label, roundScore(label, score(i))]));
}

function roundScore(label: string, score: number): number {
  if (Number.isFinite(score)) return Number(score.toPrecision(DIGITS));
  throw new Unprocessable(`the classifier says ${score} of "${label}"`, {
    hint: 'check mean and deviation in its config, and run it on an engine in f32',
  });
}
