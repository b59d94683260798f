import { expect, test } from 'vitest';
import { modelSchema } from '../../configs/schema.ts';
import { noteIdleSwitches } from './note-idle-switches.ts';

const conditions = { patches: { encoder: 'dct', dim: 27, stride: 8 } };
const told = (model: object) => noteIdleSwitches(modelSchema.parse(model)).map(({ count, text }) => [count, text]);

test.each([
  [{}, []],
  [{ conditions, patches: { mode: 'both', position: false }, nulls: 'input' }, []],
  [
    { conditions, pose: { embedding: 'mlp' }, arch: 'cross', cls_token: 'conditioning' },
    [[2, 'switches without an effect: model.pose: the model has no pose; model.cls_token: the model has no cls']],
  ],
  [{ nulls: 'input' }, [[1, 'switches without an effect: model.nulls: the model has no signal']]],
  [
    { conditions, patches: { position: false } },
    [[1, expect.stringContaining('with patches.mode spatial_add no feature is a context token')]],
  ],
])('of the model %j', (model, notes) => {
  expect(told(model)).toEqual(notes);
});
