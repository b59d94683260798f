import { describe, expect, it } from 'vitest';
import { lossWeightAt } from '../../../configs/losses.ts';
import { keyedConfigSchema } from '../../../configs/schema.ts';
import { TOY_LOSSES } from '../testing/toy-losses.ts';
import { openLosses } from './losses.ts';

const configOf = (losses?: object) =>
  keyedConfigSchema.parse({ model: { depth: 3 }, optimizer: { total_samples: 1000 }, objective: losses && { losses } });
const open = (losses?: object) => openLosses(configOf(losses), TOY_LOSSES);

describe('the losses of a config', () => {
  it('a config without losses has flow matching with weight 1, and gets no new key', () => {
    expect(configOf().objective).not.toHaveProperty('losses');
    const terms = openLosses(configOf());
    expect(terms.map(({ name }) => name)).toEqual(['flow_matching']);
    expect(terms[0]).toMatchObject({ isPlain: true });
    expect(terms[0]?.weightAt(999)).toBe(1);
  });

  it('flow matching comes first, then the other losses by name', () => {
    const [endless, alignment] = [{ weight: 1 }, { weight: 0.5, block: 1 }];
    const names = [
      { endless, alignment },
      { alignment, endless },
    ].map(losses => open(losses).map(({ name }) => name));
    expect(names).toEqual([
      ['flow_matching', 'alignment', 'endless'],
      ['flow_matching', 'alignment', 'endless'],
    ]);
  });

  it('a loss of weight 0 is left out', () => {
    const terms = open({ flow_matching: { weight: 0 }, alignment: { weight: 2, block: 1 } });
    expect(terms.map(({ name, isPlain }) => [name, isPlain])).toEqual([['alignment', false]]);
    expect(() => open({ flow_matching: { weight: 0 } })).toThrow('all weights are 0');
  });

  it.each([
    [{ alignmant: { weight: 1 } }, /objective\.losses\.alignmant: there is no such loss/],
    [{ alignment: { weight: 1 } }, /objective\.losses\.alignment\.block: /],
    [
      { alignment: { weight: 1, block: 0, blok: 2 } },
      /unknown key objective\.losses\.alignment\.blok \(did you mean block\?\)/,
    ],
    [{ alignment: { weight: 1, block: 3 } }, /the tokens after block 3, which the model does not have/],
    [{ alignment: { weight: 1, block: -1 } }, /the tokens after block -1, which the model does not have/],
  ])('the losses %j are refused', (losses, message) => {
    expect(() => open(losses)).toThrow(message);
  });

  it.each([{ weight: -1 }, { weight: 1, from: 0.5, until: 0.5 }, { weight: 1, ramp: 2 }, {}])(
    'the config refuses the loss %j',
    loss => {
      expect(() => configOf({ alignment: loss })).toThrow();
    },
  );
});

describe('the weight of a loss', () => {
  const weightsOf = (loss: object, samples: readonly number[]) => {
    const { alignment } = configOf({ alignment: { weight: 0.5, ...loss } }).objective.losses ?? {};
    return samples.map(at => (alignment ? lossWeightAt(at, 1000, alignment) : Number.NaN));
  };

  it('the weight is constant without from and until', () => {
    expect(weightsOf({}, [0, 500, 1000])).toEqual([0.5, 0.5, 0.5]);
  });

  it('a loss begins and ends at shares of all samples', () => {
    expect(weightsOf({ from: 0.2, until: 0.6 }, [0, 199, 200, 599, 600, 1000])).toEqual([0, 0, 0.5, 0.5, 0, 0]);
  });

  it('the weight rises after the start and falls before the end, over the ramp', () => {
    const loss = { from: 0.2, until: 0.6, ramp: 0.1 };
    expect(weightsOf(loss, [200, 250, 300, 500, 550, 600])).toEqual(
      [0, 0.25, 0.5, 0.5, 0.25, 0].map(x => expect.closeTo(x, 10)),
    );
  });

  it('a loss has no ramp where the run begins or ends', () => {
    expect(weightsOf({ ramp: 0.1 }, [0, 1000])).toEqual([0.5, 0.5]);
    expect(weightsOf({ ramp: 0.1, until: 0.5 }, [0, 450])).toEqual([0.5, expect.closeTo(0.25, 10)]);
  });
});
