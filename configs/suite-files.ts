/** @file A validation as files for people: results.json, a collage of each test, and the pictures of each draw. */
import type { WeightChoice } from './averages.ts';
import type { Suite } from './validation-suite.ts';

/** Relative to the folder of the validation. `blob` is a digest. */
export type SuiteFile = { readonly name: string } & ({ readonly blob: string } | { readonly json: unknown });

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
    { name: 'results.json', json: results },
    ...tests.flatMap(({ file, collage }) => (collage ? [{ name: file, blob: collage.digest }] : [])),
    ...drawn.flatMap(({ files }) => files.map(({ file, blob }) => ({ name: file, blob }))),
  ];
}
