import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decodeNpy } from '../../formats/npy.ts';
import { runsTier } from '../../test/tiers.ts';
import type { Engine } from '../compiler/engine.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createOpenVinoEngine, probeOpenVino } from '../engines/openvino/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { drawGoldenPictures, GOLDEN_CASES, GOLDEN_PICTURES, GOLDEN_SIZE } from './testing/golden-pictures.ts';

const { shape, data: golden } = decodeNpy(await readFile(GOLDEN_PICTURES));
const size = GOLDEN_SIZE.height * GOLDEN_SIZE.width * 3;

/** Grey levels by which each picture differs from its golden at the most. */
async function differences(engine: Engine, cases = GOLDEN_CASES): Promise<Record<string, number>> {
  const pixels = await drawGoldenPictures(engine, cases);
  await engine.dispose();
  return Object.fromEntries(
    cases.map((settings, index) => {
      const from = GOLDEN_CASES.indexOf(settings) * size;
      const picture = pixels.subarray(index * size, (index + 1) * size);
      const largest = picture.reduce((most, x, i) => Math.max(most, Math.abs(x - (golden[from + i] ?? 0))), 0);
      return [`${settings.solver} ${settings.time_grid} ${settings.guidance_method}`, largest];
    }),
  );
}

const below = (most: number, cases = GOLDEN_CASES) =>
  Object.fromEntries(
    cases.map(({ solver, time_grid, guidance_method }) => [
      `${solver} ${time_grid} ${guidance_method}`,
      expect.toSatisfy((levels: number) => levels <= most),
    ]),
  );

it('the golden pictures are one for each solver, time grid and guidance method, and no two are equal', () => {
  expect(shape).toEqual([GOLDEN_CASES.length, GOLDEN_SIZE.height, GOLDEN_SIZE.width, 3]);
  const pictures = GOLDEN_CASES.map((_, i) => golden.slice(i * size, (i + 1) * size).join());
  expect(new Set(pictures).size).toBe(GOLDEN_CASES.length);
  const inside = [...golden].filter(x => Number(x) > 0 && Number(x) < 255).length;
  expect(inside / golden.length).toBeGreaterThan(0.5);
});

it('the reference interpreter draws the golden pictures', async () => {
  const cases = GOLDEN_CASES.filter((_, i) => i % 9 === 0);
  expect(await differences(createReferenceEngine(), cases)).toEqual(below(0, cases));
});

it('ONNX Runtime draws the golden pictures up to a grey level', { timeout: 120_000 }, async () => {
  expect(await differences(createOnnxRuntimeEngine({ threads: 1 }))).toEqual(below(1));
});

describe.skipIf(!runsTier('openvino', probeOpenVino().reason))('on OpenVINO', () => {
  it('OpenVINO draws the golden pictures in f32 up to a grey level', { timeout: 120_000 }, async () => {
    expect(await differences(createOpenVinoEngine({ threads: 1 }))).toEqual(below(1));
  });
});
