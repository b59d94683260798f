import { describe, expect, it } from 'vitest';
import { type ObjectiveConfig, objectiveSchema } from '../../../configs/objective.ts';
import { keyedConfigSchema } from '../../../configs/schema.ts';
import { RandomStream } from '../../../numerics/random-stream.ts';
import { sumAll } from '../../compiler/functions.ts';
import { grad } from '../../compiler/grad.ts';
import { trace } from '../../compiler/trace.ts';
import { interpret } from '../../engines/reference/engine.ts';
import { Params } from '../../model/params.ts';
import { cleanPicture, flowMatching } from './flow-matching.ts';
import { noisePixels } from './noise-pixels.ts';

const TIMES = [0, 1e-3, 0.05, 0.4, 0.85, 1];
const SHAPE = [TIMES.length, 3, 4, 6] as const;
const SIZE = 3 * 4 * 6;
const AREA = 4 * 6;
const MASK_SHAPE = [TIMES.length, 1, 4, 6];

function normals(index: number): Float64Array {
  const random = new RandomStream(5, 'sample', index);
  return Float64Array.from({ length: TIMES.length * SIZE }, () => random.normal());
}
const [x0, noise, output] = [normals(0), normals(1), normals(2)];

/** Loss, gradient of the prediction, noisy and predicted picture by the graph. */
function runLoss(changes: object, prediction = output, mask?: Float64Array) {
  const config = keyedConfigSchema.parse({ objective: changes });
  const { objective } = config;
  const graph = trace(builder => {
    const input = (name: string, shape: readonly number[]) => builder.input(name, { shape, dtype: 'f32' });
    const [clean, error, y, t] = [
      input('x0', SHAPE),
      input('noise', SHAPE),
      input('prediction', SHAPE),
      input('t', [TIMES.length]),
    ];
    const z = noisePixels(clean, error, t, objective);
    const no = () => {
      throw new Error('flow matching needs nothing else');
    };
    const needed = { tap: no, routeOf: no, averaged: no, frozen: no, column: no };
    const weights = mask && { mask: input('mask', MASK_SHAPE) };
    const parts = { prediction: y, x0: clean, noise: error, z, t, conditions: {}, ...needed, ...weights };
    const loss = flowMatching.open({}, config, '').apply(new Params(builder), parts);
    const [slope] = grad(sumAll(loss), [y]);
    return { outputs: { loss, z, x: cleanPicture(parts, objective), ...(slope && { slope }) } };
  });
  const array = (data: Float64Array, shape: readonly number[] = SHAPE) => ({ shape, data });
  const feeds = {
    x0: array(x0),
    noise: array(noise),
    prediction: array(prediction),
    t: array(Float64Array.from(TIMES), [TIMES.length]),
    ...(mask && { mask: array(mask, MASK_SHAPE) }),
  };
  const { outputs } = interpret(graph, feeds, new Map());
  const read = (name: string) => [...(outputs[name]?.data ?? [])];
  return { loss: read('loss'), slope: read('slope'), z: read('z'), x: read('x') };
}

/** The loss of each sample, written down from the formulas. */
function expectedLoss(objective: ObjectiveConfig, s: number): number[] {
  return TIMES.map((t, i) => {
    let [pictureError, velocityError] = [0, 0];
    for (let k = i * SIZE; k < (i + 1) * SIZE; k++) {
      const [clean, error, predicted] = [x0[k] ?? 0, noise[k] ?? 0, output[k] ?? 0];
      const z = (1 - t) * clean + t * s * error;
      const isX = objective.prediction_type === 'x_prediction';
      const x = isX ? predicted : z - t * predicted;
      pictureError += (x - clean) ** 2 / SIZE;
      velocityError += isX
        ? (predicted - clean) ** 2 / Math.max(t, objective.t_clamp) ** 2 / SIZE
        : (predicted - (s * error - clean)) ** 2 / SIZE;
    }
    if (objective.min_snr_gamma !== undefined) {
      const snr = (1 - t) ** 2 / (t * s) ** 2;
      return Math.min(snr, objective.min_snr_gamma) * pictureError;
    }
    return objective.loss_space === 'x' ? pictureError : velocityError;
  });
}

const near = (values: readonly number[]) => values.map(x => expect.closeTo(x, 9));

const SPACES = [{}, { loss_space: 'v' }, { loss_space: 'x' }, { min_snr_gamma: 5 }, { min_snr_gamma: 0.5 }] as const;
const SCALES = [
  { changes: {}, s: 1 },
  { changes: { noise_scale: 2 }, s: 2 },
  // Pictures of 6 x 4 pixels.
  { changes: { noise_scale: 1.5, noise_reference_side: 3 }, s: 1.5 * Math.sqrt(24 / 9) },
];

describe.each(['x_prediction', 'v_prediction'] as const)('%s', prediction_type => {
  for (const space of SPACES) {
    for (const { changes, s } of SCALES) {
      const objective = objectiveSchema.parse({ prediction_type, ...space, ...changes });
      const title = JSON.stringify({ ...space, ...changes });

      it(`the loss is that of the formulas: ${prediction_type} ${title}`, () => {
        const { loss } = runLoss({ prediction_type, ...space, ...changes });
        expect(loss).toEqual(near(expectedLoss(objective, s)));
      });

      it(`the gradient is the slope of the loss: ${prediction_type} ${title}`, () => {
        const config = { prediction_type, ...space, ...changes };
        const { slope } = runLoss(config);
        const direction = normals(9);
        const moved = (by: number) =>
          runLoss(
            config,
            output.map((y, k) => y + by * (direction[k] ?? 0)),
          ).loss;
        const [up, down] = [moved(1e-5), moved(-1e-5)];
        for (const i of TIMES.keys()) {
          const analytic = slope
            .slice(i * SIZE, (i + 1) * SIZE)
            .reduce((sum, g, k) => sum + g * (direction[i * SIZE + k] ?? 0), 0);
          const numeric = ((up[i] ?? 0) - (down[i] ?? 0)) / 2e-5;
          expect(Math.abs(analytic - numeric)).toBeLessThan(1e-7 * (1 + Math.abs(numeric)));
        }
      });
    }
  }
});

it.each([{ loss_space: 'x' }, { min_snr_gamma: 5 }, { loss_space: 'v', t_clamp: 1e-9 }])(
  'a network that predicts the velocity has the loss of one that predicts its picture: %j',
  space => {
    const scale = { noise_scale: 2 };
    const { loss, x } = runLoss({ prediction_type: 'v_prediction', ...scale, ...space });
    const other = runLoss({ prediction_type: 'x_prediction', ...scale, ...space }, Float64Array.from(x));
    // At t = 0 the picture says nothing about the velocity.
    const from = 'loss_space' in space && space.loss_space === 'v' ? 1 : 0;
    expect(other.loss.slice(from)).toEqual(loss.slice(from).map(y => expect.closeTo(y, 6)));
  },
);

it('min-SNR weighs nearly clean pictures alike, and noisy ones by their ratio of picture to noise', () => {
  const weights = (objective: object) => {
    const [weighed, plain] = [objective, { loss_space: 'x' }].map(changes => runLoss(changes).loss);
    return TIMES.map((_, i) => (weighed?.[i] ?? 0) / (plain?.[i] ?? 0));
  };
  expect(weights({ min_snr_gamma: 5 })).toEqual(near([5, 5, 5, (0.6 / 0.4) ** 2, (0.15 / 0.85) ** 2, 0]));
});

describe.each(['x_prediction', 'v_prediction'] as const)('masks weigh the pixels of %s', prediction_type => {
  /** The first picture is black, the second is white. */
  const mask = Float64Array.from({ length: TIMES.length * AREA }, (_, k) =>
    k < AREA ? 0 : k < 2 * AREA ? 1 : ((k * 7) % 11) / 10,
  );

  it.each([false, true])(`the loss is the weighed mean (${prediction_type}, normalized: %s)`, normalize => {
    const config = { prediction_type, loss_space: 'x', mask: { normalize } };
    const { loss } = runLoss(config, output, mask);
    const expected = TIMES.map((t, i) => {
      let [sum, weights] = [0, 0];
      for (let k = 0; k < SIZE; k++) {
        const [at, weight] = [i * SIZE + k, mask[i * AREA + (k % AREA)] ?? 0];
        const [clean, error, predicted] = [x0[at] ?? 0, noise[at] ?? 0, output[at] ?? 0];
        const x = prediction_type === 'x_prediction' ? predicted : (1 - t) * clean + t * error - t * predicted;
        sum += (weight * (x - clean) ** 2) / SIZE;
        weights += weight / SIZE;
      }
      return normalize && weights > 0 ? sum / weights : sum;
    });
    expect(loss).toEqual(near(expected));
    expect(loss[1]).toBeCloseTo(runLoss(config).loss[1] ?? Number.NaN, 9);
  });

  it(`a black pixel has no gradient (${prediction_type})`, () => {
    const { slope } = runLoss({ prediction_type, mask: {} }, output, mask);
    for (const [k, g] of slope.entries()) {
      const weight = mask[Math.floor(k / SIZE) * AREA + (k % AREA)] ?? 0;
      expect(g !== 0, `number ${k}`).toBe(weight > 0);
    }
    expect(slope.some(g => g !== 0)).toBe(true);
  });
});
