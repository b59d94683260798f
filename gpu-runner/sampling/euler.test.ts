import { describe, expect, it } from 'vitest';
import { integrateEuler } from './euler.ts';

const clean = Float32Array.of(-1, -0.3, 0.2, 0.9);
const noise = Float32Array.of(1.5, -0.7, 0.1, -2);
const none = () => Promise.reject(new Error('the unconditional branch must not run'));

describe('integrateEuler', () => {
  it.each([1, 2, 25])('finds the picture of an exact x-predictor in %d steps', async steps => {
    const z = await integrateEuler(noise.slice(), async () => clean.slice(), none, {
      steps,
      guidance: 1,
      predictionType: 'x_prediction',
    });
    expect([...z]).toEqual([...clean]);
  });

  it('finds the picture of an exact v-predictor', async () => {
    const velocity = noise.map((e, i) => e - (clean[i] ?? 0));
    const z = await integrateEuler(noise.slice(), async () => velocity.slice(), none, {
      steps: 7,
      guidance: 1,
      predictionType: 'v_prediction',
    });
    expect([...z]).toEqual([...clean].map(x => expect.closeTo(x, 5)));
  });

  it('moves away from the unconditional prediction by the guidance scale', async () => {
    const base = clean.map(x => x / 2);
    const z = await integrateEuler(
      noise.slice(),
      async () => clean.slice(),
      async () => base.slice(),
      {
        steps: 3,
        guidance: 3,
        predictionType: 'x_prediction',
      },
    );
    expect([...z]).toEqual([...clean].map(x => expect.closeTo(x / 2 + 3 * (x / 2), 5)));
  });

  it('visits the times 1, 1 - 1/n, ..., 1/n', async () => {
    const times: number[] = [];
    const predict = async (z: Float32Array, t: number) => {
      times.push(t);
      return z.slice();
    };
    await integrateEuler(noise.slice(), predict, none, { steps: 4, guidance: 1, predictionType: 'x_prediction' });
    expect(times).toEqual([1, 0.75, 0.5, 0.25]);
  });
});
