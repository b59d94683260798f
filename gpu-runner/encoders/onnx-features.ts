/**
 * @file Any network of pictures in an ONNX file as an extractor of features, by a config that says how it sees them
 * (configs/picture-net.ts). Its output is `cls`, such as the descriptor of SSCD.
 */
import { z } from 'zod';
import { featureNetSchema } from '../../configs/picture-net.ts';
import { Unprocessable } from '../../errors.ts';
import { type RunnerEncoder, requirePicture } from './encoder.ts';
import { openPictureNet, readNetConfig, tellCost } from './onnx-picture-net.ts';
import { joinBlobs } from './onnx-program.ts';

const BATCH = 8;
const CONFIG = 'the config of the extractor';

export const onnxFeatures: RunnerEncoder = {
  version: 1,
  signals: ['cls'],
  batch: BATCH,
  async open(engine, options, readWeights) {
    z.strictObject({}).parse(options);
    const expected = 'JSON with mean and deviation: docs/evaluation.md';
    const bytes = joinBlobs(await readWeights('config'));
    const config = readNetConfig(featureNetSchema, bytes, { config: CONFIG, expected });
    const net = await openPictureNet(engine, joinBlobs(await readWeights('model')), config, CONFIG);
    return {
      cost: tellCost(net.cost),
      async encode(inputs) {
        const encoded = [];
        for (const input of inputs) {
          const data = await net.run(requirePicture(input));
          if (!data.every(Number.isFinite)) {
            throw new Unprocessable('the extractor makes numbers that are not finite', {
              hint: 'check mean and deviation in its config, and run it on an engine in f32',
            });
          }
          encoded.push({ cls: { shape: [data.length], data } });
        }
        return encoded;
      },
      dispose: () => net.dispose(),
    };
  },
};
