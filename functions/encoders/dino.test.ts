import { expect, it } from 'vitest';
import { conditionsSchema } from '../../configs/signals.ts';
import { dinoEncoders } from './dino.ts';
import { ENCODER_TOOLS, findEncoder } from './encoders.ts';
import { requireWeights } from './weights.ts';

const large = findEncoder('dinov3-vitl16');

it.each([
  [{}, { dim: 1024 }, { dim: 1024, stride: 16 }],
  [{ stride: 8 }, { dim: 1024, stride: 8 }, { dim: 1024, stride: 8 }],
  [{ layers: 'sum_4' }, { dim: 1024, layers: 4 }, { dim: 1024, stride: 16, layers: 4 }],
])('with %o the conditions say under which options a sample is encoded', (given, cls, patches) => {
  const options = large.options.parse(given);
  expect(large.makes.cls?.(options)).toEqual(cls);
  expect(large.makes.patches?.(options)).toEqual(patches);
  const both = conditionsSchema.parse({
    cls: { encoder: large.name, ...cls },
    patches: { encoder: large.name, ...patches },
  });
  expect(large.options.parse(large.optionsOf(both))).toEqual(options);
  const { patches: _, ...alone } = both;
  expect(large.options.parse(large.optionsOf(alone))).toEqual(options);
});

it('options that the network does not have are refused by name', () => {
  const messageOf = (options: object) =>
    findEncoder('dinov2-vits14').options.safeParse(options).error?.issues[0]?.message;
  expect(messageOf({ layers: 'sum_12' })).toBeUndefined();
  expect(messageOf({ layers: 'sum_13' })).toBe('expected at most sum_12: dinov2-vits14 has 12 blocks');
  expect(messageOf({ layers: 'sum_1' })).toBe('expected last, or sum_K with K from 2');
  expect(messageOf({ stride: 2 })).toContain('>=4');
});

it('all networks are encoders, and new encoders leave the actions of old checkpoints as they are', () => {
  expect(dinoEncoders.map(({ name }) => findEncoder(name).runs)).toEqual(new Array(6).fill('runner'));
  expect(Object.keys(ENCODER_TOOLS).filter(name => name.startsWith('dino'))).toEqual([]);
});

it('patches that are reduced have 256 numbers, and their basis is a part of the weights', () => {
  const options = large.options.parse({ pca: 256, layers: 'sum_4' });
  expect(large.makes.patches?.(options)).toEqual({ dim: 256, stride: 16, layers: 4 });
  expect(large.makes.cls?.(options)).toEqual({ dim: 1024, layers: 4 });
  const patches = { encoder: large.name, dim: 256, stride: 16, layers: 4 };
  expect(large.options.parse(large.optionsOf({ patches }))).toEqual(options);
  const model = [`sha256:${'1'.repeat(64)}`];
  expect(() => requireWeights(large, { model }, options)).toThrow('dinov3-vitl16 needs its weights "pca"');
  expect(requireWeights(large, { model, pca: model }, options)).toEqual({ model, pca: model });
  expect(() => requireWeights(large, { model, pca: model }, large.options.parse({}))).toThrow('has no weights "pca"');
});
