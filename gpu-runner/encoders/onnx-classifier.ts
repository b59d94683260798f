/**
 * @file Any classifier of pictures in an ONNX file, by a config that says how it reads them and what its outputs mean
 * (configs/classifier.ts). It makes no signal: its scores are facts about the pictures.
 */
import { z } from 'zod';
import { type Classifier, classifierSchema } from '../../configs/classifier.ts';
import { Unprocessable } from '../../errors.ts';
import { type RunnerEncoder, requirePicture } from './encoder.ts';
import { openPictureNet, readNetConfig, tellCost } from './onnx-picture-net.ts';
import { joinBlobs } from './onnx-program.ts';

const BATCH = 8;
/** Digits of a score. */
const DIGITS = 6;
const CONFIG = 'the config of the classifier';

export const onnxClassifier: RunnerEncoder = {
  version: 1,
  signals: [],
  batch: BATCH,
  async open(engine, options, readWeights) {
    z.strictObject({}).parse(options);
    const expected = 'JSON with labels, mean and deviation: docs/curate.md';
    const bytes = joinBlobs(await readWeights('config'));
    const config = readNetConfig(classifierSchema, bytes, { config: CONFIG, expected });
    const net = await openPictureNet(engine, joinBlobs(await readWeights('model')), config, CONFIG);
    if (net.count !== config.labels.length) {
      await net.dispose();
      throw new Unprocessable(`the network "model" makes ${net.count} numbers`, {
        expected: `one output of ${config.labels.length} numbers: the config has so many labels`,
      });
    }
    return {
      cost: tellCost(net.cost),
      async encode(inputs) {
        const encoded = [];
        for (const input of inputs) {
          encoded.push({ facts: scoresOf(await net.run(requirePicture(input)), config) });
        }
        return encoded;
      },
      dispose: () => net.dispose(),
    };
  },
};

/** By label. */
function scoresOf(outputs: Float32Array, { labels, scores }: Classifier): Record<string, number> {
  const largest = Math.max(...outputs);
  const powers = Array.from(outputs, x => Math.exp(x - largest));
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
