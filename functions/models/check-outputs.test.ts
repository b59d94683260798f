import { expect, test } from 'vitest';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { Job } from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EncodedArray } from '../encoders/encoder.ts';
import { findEncoder } from '../encoders/encoders.ts';
import { checkOutputs } from './check-outputs.ts';
import { distanceOf, drawPicture, fingerprint } from './fingerprint.ts';
import { type Golden, readGolden } from './goldens.ts';

const encoder = findEncoder('minilm-l6');
const weights = { model: [digestOf('m')], tokenizer: [digestOf('t')] };
const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;

/** A context whose gpu-runner answers with these states. */
function contextOf(make: (i: number) => EncodedArray) {
  const blobs = createBlobStore(createMemoryStore());
  const jobs: Job[] = [];
  const ctx = {
    blobs,
    signal: new AbortController().signal,
    progress: () => {},
    runner: {
      async run(_: string, job: Job) {
        jobs.push(job);
        if (job.kind !== 'encode') throw new Error('only encode jobs are expected');
        const ids = [...readColumn(await blobs.get(job.column)).keys()].map(name => name.split('.')[0] ?? '');
        const members = new Map(ids.map((id, i) => encodeSignalMember('text', id, make(i))));
        return { outputs: { text: await blobs.put(packColumn(members)) }, links: [], stats: {} };
      },
    },
  };
  return { ctx: ctx as never, jobs };
}

const statesOf = (seed: number, shape = [3, 384]): EncodedArray => {
  const data = Float32Array.from({ length: shape[0]! * shape[1]! }, (_, i) => Math.sin(i * (seed + 1)));
  return { shape, data };
};
const golden: Golden = {
  v: 1,
  model: 'minilm-l6',
  made_with: 'this test',
  options: {},
  tolerance: 0.01,
  inputs: [{ text: 'a' }, { text: 'b' }],
  outputs: [{ text: fingerprint(statesOf(0)) }, { text: fingerprint(statesOf(1)) }],
};

test('outputs like those of PyTorch pass, also as f16; others, other shapes and NaN do not', async () => {
  const check = async (make: (i: number) => EncodedArray) =>
    (await checkOutputs(contextOf(make).ctx, encoder, { weights, engine, golden })).map(({ ok }) => ok);
  expect(await check(statesOf)).toEqual([true, true]);
  expect(await check(i => statesOf(1 - i))).toEqual([false, false]);
  expect(await check(i => statesOf(i, [2, 384]))).toEqual([false, false]);
  const wrong = statesOf(0);
  wrong.data[700] = Number.NaN;
  expect(await check(i => (i === 0 ? wrong : statesOf(1)))).toEqual([false, true]);
  // One permuted row: sums with signs see what a mean does not.
  const turned = {
    ...statesOf(0),
    data: Float32Array.from([...statesOf(0).data.slice(384), ...statesOf(0).data.slice(0, 384)]),
  };
  expect(await check(i => (i === 0 ? turned : statesOf(1)))).toEqual([false, true]);
});

test('without a golden, outputs must be finite, and alike for inputs alike', async () => {
  const check = async (make: (i: number) => EncodedArray) =>
    checkOutputs(contextOf(make).ctx, encoder, { weights, engine, golden: undefined });
  const row = (values: readonly number[]) => ({
    shape: [1, 384],
    data: Float32Array.from({ length: 384 }, (_, i) => values[i % 2] ?? 0),
  });
  const alike = await check(i =>
    row(
      [
        [1, 0],
        [0.9, 0.1],
        [0, 1],
      ][i]!,
    ),
  );
  expect(alike.map(({ name, ok }) => [name, ok])).toEqual([
    ['outputs: finite', true],
    ['text: likeness', true],
  ]);
  expect(
    (
      await check(i =>
        row(
          [
            [1, 0],
            [0, 1],
            [0.9, 0.1],
          ][i]!,
        ),
      )
    )[1],
  ).toMatchObject({ ok: false });
  expect((await check(() => row([Number.NaN, 0])))[0]).toMatchObject({ ok: false });
});

test('the committed goldens are of installed encoders, and their inputs are drawn as Python drew them', async () => {
  for (const name of ['minilm-l6', 'efficientnet-lite0', 'efficientnet-lite2']) {
    const found = await readGolden(name);
    expect(found?.outputs).toHaveLength(found?.inputs.length ?? 0);
    for (const row of found?.outputs ?? []) {
      for (const signal of Object.keys(row)) expect(Object.keys(findEncoder(name).makes)).toContain(signal);
    }
  }
  expect(await readGolden('t5-large')).toBeUndefined();
  // By NumPy, of draw(3, 5, 4) in tools/make-encoder-goldens.py: sum of bytes, and the last one.
  const { data } = drawPicture({ seed: 3, width: 5, height: 4 });
  expect([data.reduce((sum, x) => sum + x, 0), data.at(-1)]).toEqual([4146, 141]);
});

test('a distance is a share of the expected output', () => {
  const one = fingerprint(statesOf(2));
  const larger = fingerprint({ ...statesOf(2), data: statesOf(2).data.map(x => 1.1 * x) });
  expect(distanceOf(larger, one)).toBeCloseTo(0.1, 5);
  expect(distanceOf(one, one)).toBe(0);
});
