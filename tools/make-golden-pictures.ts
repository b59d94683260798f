/** @file Writes the golden pictures of the samplers by the reference engine: `node tools/make-golden-pictures.ts`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { encodeNpy } from '../formats/npy.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import {
  drawGoldenPictures,
  GOLDEN_CASES,
  GOLDEN_PICTURES,
  GOLDEN_SIZE,
} from '../gpu-runner/sampling/testing/golden-pictures.ts';

const { height, width } = GOLDEN_SIZE;
const data = await drawGoldenPictures(createReferenceEngine());
await mkdir(new URL('.', GOLDEN_PICTURES), { recursive: true });
await writeFile(GOLDEN_PICTURES, encodeNpy({ dtype: 'u8', shape: [GOLDEN_CASES.length, height, width, 3], data }));
