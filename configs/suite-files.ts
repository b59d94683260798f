/** @file A validation as files for people: results.json, a collage of each test, and the pictures of each draw. */
import { z } from 'zod';
import type { WeightChoice } from './averages.ts';
import { tryJson } from './try-json.ts';
import type { Suite } from './validation-suite.ts';

/** Relative to the folder of the validation. `blob` is a digest. */
export type SuiteFile = { readonly name: string } & ({ readonly blob: string } | { readonly json: unknown });

/** Names all other files. */
export const RESULTS_FILE = 'results.json';

/** The weights in names of files: `ema`, `average-1`. */
export function labelOf(weights: WeightChoice): string {
  if (typeof weights === 'string') return weights;
  return 'average' in weights ? `average-${weights.average}` : `sigma-${weights.sigma_rel}`;
}

export function listSuiteFiles({ links: _, ...suite }: Suite): SuiteFile[] {
  const tests = suite.tests.map(({ collage, ...test }) => {
    const file = `${test.test}-${labelOf(test.weights)}.png`;
    return { collage, shown: { ...test, ...(collage && { collage: file }) }, file };
  });
  const drawn = suite.drawn.map(({ pictures, ...draw }) => {
    const folder = `${draw.draw}-${labelOf(draw.weights)}/`;
    const files = pictures.map(({ image, ...picture }, i) => ({
      file: `${folder}${String(i).padStart(3, '0')}.png`,
      blob: image.digest,
      picture,
    }));
    return { files, shown: { ...draw, pictures: files.map(({ file, picture }) => ({ file, ...picture })) } };
  });
  const results = { ...suite, tests: tests.map(({ shown }) => shown), drawn: drawn.map(({ shown }) => shown) };
  return [
    { name: RESULTS_FILE, json: results },
    ...tests.flatMap(({ file, collage }) => (collage ? [{ name: file, blob: collage.digest }] : [])),
    ...drawn.flatMap(({ files }) => files.map(({ file, blob }) => ({ name: file, blob }))),
  ];
}

const resultsSchema = z.looseObject({
  kind: z.literal('validation-suite'),
  tests: z.array(z.looseObject({ collage: z.unknown().optional() })),
  drawn: z.array(z.looseObject({ pictures: z.array(z.looseObject({ file: z.unknown().optional() })) })),
});

/** `swap-ema.png` and `text-average-1/000.png`: below the folder of the validation. */
const PICTURE_NAME = /^[a-z0-9_]+-(ema|raw|average-\d+|sigma-[\d.e-]+)(\/\d+)?\.png$/;

/** Whether it is the name of a picture that a validation may write, below its folder. */
export function isPictureName(name: string): boolean {
  return PICTURE_NAME.test(name);
}

/** Whether a file `results.json` is of a validation. */
export function isSuiteResults(results: string): boolean {
  return resultsSchema.safeParse(tryJson(results)).success;
}

/** Names of the pictures that a file `results.json` tells of; none if it is no file of a validation. */
export function readSuiteNames(results: string): string[] {
  const parsed = resultsSchema.safeParse(tryJson(results));
  if (!parsed.success) return [];
  const { tests, drawn } = parsed.data;
  const names = [
    ...tests.map(({ collage }) => collage),
    ...drawn.flatMap(({ pictures }) => pictures.map(({ file }) => file)),
  ];
  return names.filter((name): name is string => typeof name === 'string' && isPictureName(name));
}
