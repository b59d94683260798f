/** @file An encoder with weights on a real gpu-runner: from PUT of the weights to a sample with a reference picture. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LITE0 } from '../gpu-runner/encoders/efficientnet/network.ts';
import { makeRandomWeights } from '../gpu-runner/encoders/efficientnet/testing/random-weights.ts';
import { openSite, type Site } from './site/open-site.ts';
import { PORTRAITS, smallExperiment } from './site/small-experiment.ts';

const CALL = { ...PORTRAITS, image_encoders: ['efficientnet-lite0'], engine: 'onnxruntime/cpu' };

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

async function upload(bytes: Uint8Array, type: string): Promise<string> {
  const answer = await fetch(`${site.easel.url}/objects`, {
    method: 'POST',
    body: Buffer.from(bytes),
    headers: { 'content-type': type },
  });
  return ((await answer.json()) as { readonly digest: string }).digest;
}

test('a dataset, a training and a sample with a reference use the weights that have the name of the encoder', async () => {
  const { detail, hint } = await site.expectJson(422, 'POST', '/functions/prepare', CALL);
  expect(`${detail}; ${hint}`).toContain('easel models install efficientnet-lite0');

  const weights = { model: [await upload(makeRandomWeights(LITE0), 'application/octet-stream')] };
  const license = { name: 'CC0-1.0', read_in: 'this test' };
  await site.expectJson(201, 'PUT', '/models/efficientnet-lite0', { weights, source: 'random numbers', license });
  await site.expectJson(200, 'POST', '/functions/prepare', CALL);
  const { encoders, columns } = await site.expectJson(200, 'GET', '/datasets/faces');
  expect(encoders).toMatchObject({
    cls: { name: 'efficientnet-lite0', dim: 1280, weights },
    patches: { name: 'efficientnet-lite0', dim: 112, stride: 8, weights },
  });
  expect(columns).toEqual(expect.arrayContaining(['cls', 'patches']));

  await site.expectJson(201, 'PUT', '/experiments/e', smallExperiment('faces', {}, {}, 8));
  await site.expectJson(200, 'POST', '/experiments/e/train', {});
  // The network begins with gates at 0, which the first steps open.
  const ask = { model: 'e', prompt: 'a person', steps: 1, seed: 1, weights: 'raw' };
  const plain = await site.expectJson(200, 'POST', '/sample', ask);
  const reference = await upload((await site.send('GET', plain.image.url)).bytes, 'image/png');
  const led = await site.expectJson(200, 'POST', '/sample', { ...ask, reference });
  expect(led.pixels.digest).not.toBe(plain.pixels.digest);
});
