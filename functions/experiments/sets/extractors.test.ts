import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { keyedConfigSchema } from '../../../configs/schema.ts';
import { chooseExtractor, findExtractor, findSeen, listSeen, optionsFor } from './extractors.ts';

const PATCHES = { encoder: 'dinov2-vits14', dim: 384, stride: 8 };

function configOf(given: string) {
  return keyedConfigSchema.parse(parse(given));
}
const PLAIN = configOf('{}');
const SEES_DCT = configOf('model: { conditions: { cls: { encoder: dct, dim: 64 } } }');
const ALIGNED = configOf(`objective: { losses: { repa: { weight: 1, column: ${JSON.stringify(PATCHES)} } } }`);
const FROZEN = configOf(`objective: { frozen: { efficientnet-lite0: ["sha256:${'0'.repeat(64)}"] } }`);
const ALL = new Set(['dinov2-vits14', 'dinov2-vitb14', 'efficientnet-lite0']);

test.each([
  ['everything installed', PLAIN, ALL, 'dinov2-vitb14'],
  ['nothing installed', PLAIN, new Set<string>(), 'dct'],
  ['a training that was conditioned on dct', SEES_DCT, new Set<string>(), 'thumbnail'],
  ['a teacher of the same kin', ALIGNED, ALL, 'efficientnet-lite0'],
  ['a frozen net of a loss', FROZEN, new Set(['efficientnet-lite0']), 'dct'],
])('an evaluation never uses what training saw: %s', (_, config, installed, name) => {
  const { extractor, why } = chooseExtractor(config, installed);
  expect(extractor.name).toBe(name);
  for (const seen of listSeen(config)) if (installed.has(seen.name)) expect(why).toContain(seen.as);
});

test('an extractor that training saw is refused by name, and others are offered', () => {
  expect(() => chooseExtractor(SEES_DCT, new Set(['efficientnet-lite0']), 'dct')).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('the training saw dct, as the signal cls'),
      expected: 'another extractor: efficientnet-lite0, thumbnail',
    }),
  );
});

test('an installed network of a person is an extractor by its name, and never chosen unasked', () => {
  const installed = new Set(['aardvark']);
  expect(chooseExtractor(PLAIN, installed).extractor.name).toBe('dct');
  const { extractor } = chooseExtractor(PLAIN, installed, 'aardvark');
  expect([extractor.name, extractor.job, extractor.encoder?.weights]).toEqual([
    'aardvark',
    'onnx-features',
    ['model', 'config'],
  ]);
  expect(() => chooseExtractor(PLAIN, installed, 'ardvark')).toThrow('there is no feature extractor "ardvark"');
});

test('a training that saw one CLIP has seen the other', () => {
  const config = configOf(`objective: { frozen: { clip-vitl14: ["sha256:${'0'.repeat(64)}"] } }`);
  expect(findSeen(config, 'clip-vitb32')).toEqual({ name: 'clip-vitl14', as: 'a frozen net of the losses' });
  expect(findSeen(FROZEN, 'clip-vitb32')).toBeUndefined();
});

test('networks see small pictures enlarged to about the size that they know', () => {
  const strideAt = (name: string, side: number) =>
    optionsFor(findExtractor(name), [{ width: side, height: side }]).stride;
  expect([64, 128, 256, 512].map(side => strideAt('efficientnet-lite0', side))).toEqual([4, 8, 16, 16]);
  expect([64, 128, 256, 512].map(side => strideAt('dinov2-vits14', side))).toEqual([4, 8, 16, 32]);
  const sides = [
    { width: 64, height: 64 },
    { width: 72, height: 56 },
  ];
  expect(optionsFor(findExtractor('dinov2-vits14'), sides).stride).toBe(4);
});
