/**
 * @file Runs the validation suite of a checkpoint by pure calls, and writes one document. A call that was made before
 * is not made again: a suite that was killed goes on, and one with more tests makes only those.
 */
import type { WeightChoice } from '../../../configs/averages.ts';
import { CONTROL_NAMES } from '../../../configs/control-names.ts';
import { SUITE_TESTS } from '../../../configs/suite-tests.ts';
import {
  type Suite,
  type SuiteDraw,
  type SuiteScore,
  type SuiteTest,
  suiteSchema,
} from '../../../configs/validation-suite.ts';
import { nameAsked } from '../../../configs/vqa-options.ts';
import { InvalidInput, Unprocessable } from '../../../errors.ts';
import { putDocument, readDocument } from '../../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { BlobRef, BlobStore } from '../../../storage/types.ts';
import { compareWithEarlier } from './drift.ts';
import { runTest, type TestOutcome } from './run-test.ts';
import { givesPose, scoreColumn } from './score-column.ts';
import { openPictures, type SuitePictures } from './suite-pictures.ts';
import type { SuiteContext, SuiteRequest } from './suite-request.ts';

const NOTHING: TestOutcome = { scores: [], differences: [] };

export function readSuite(blobs: BlobStore, digest: Digest): Promise<Suite> {
  return readDocument(blobs, digest, suiteSchema, 'a validation');
}

/** @returns The document. */
export async function runSuite(ctx: SuiteContext, request: SuiteRequest): Promise<BlobRef> {
  const tests: SuiteTest[] = [];
  const drawn: SuiteDraw[] = [];
  const controls: SuiteScore[] = [];
  const kinds = new Map(request.weights.map(weights => [canonicalJson(weights), weights]));
  for (const weights of kinds.values()) {
    const pictures = openPictures(ctx, request, weights);
    for (const test of new Set(request.tests)) {
      if (test === 'drift') continue;
      const { about } = SUITE_TESTS[test];
      const outcome = await runTest(ctx, request, pictures, test).catch(passOver);
      tests.push({ test, weights, about, ...outcome });
    }
    drawn.push(...(await writePictures(ctx, pictures, weights)));
    if (controls.length === 0) controls.push(...(await scoreControls(ctx, request, pictures)));
  }
  const drift = request.tests.includes('drift') ? await compareWithEarlier(ctx, request, tests) : [];
  const { checkpoint, dataset, step, extractor, lpips, clip, vqa } = request;
  const document: Suite = {
    ...{ v: 1, kind: 'validation-suite', checkpoint, dataset, step, pictures: request.pictures },
    ...request.sampling,
    ...{ high_guidance: request.highGuidance, extractor: extractor.name, why_extractor: extractor.why },
    ...(lpips && { lpips: lpips.net }),
    ...(clip && { clip: clip.model }),
    ...(vqa && { vqa: nameAsked(vqa) }),
    ...{ tests, controls, drift, drawn, links: listLinks({ tests, controls, drawn }) },
  };
  return putDocument(ctx.blobs, document);
}

/** What a model or a dataset lacks is told, and ends neither the suite nor a training. */
function passOver(error: unknown): TestOutcome & Pick<SuiteTest, 'skipped'> {
  if (error instanceof Unprocessable || error instanceof InvalidInput) return { ...NOTHING, skipped: error.message };
  throw error;
}

/** A control that a dataset cannot give, such as another picture where there is one alone, is left out. */
function missOut(error: unknown): undefined {
  if (!(error instanceof Unprocessable || error instanceof InvalidInput)) throw error;
}

/** The pictures of every draw as files. */
async function writePictures(ctx: SuiteContext, pictures: SuitePictures, weights: WeightChoice): Promise<SuiteDraw[]> {
  const files: SuiteDraw[] = [];
  for (const { key, about, digest, index } of await pictures.list()) {
    const { outputs } = (await ctx.call('picture-files', { pictures: index.pictures })).result;
    const images = Object.keys(outputs).sort();
    files.push({
      ...{ draw: key, weights, about, index: digest },
      pictures: index.items.flatMap(({ id, caption }, i) => {
        const image = outputs[images[i] ?? ''];
        return image ? [{ id, caption, image: { ...image } }] : [];
      }),
      skipped: index.skipped.map(each => ({ ...each })),
    });
  }
  return files;
}

/** Substitutes that no model drew, against the real pictures of the first draw. */
async function scoreControls(ctx: SuiteContext, request: SuiteRequest, pictures: SuitePictures): Promise<SuiteScore[]> {
  const [first] = await pictures.list();
  if (first === undefined) return [];
  const against = await pictures.counterpart(first, 'own');
  const joints = givesPose(request);
  const rows: SuiteScore[] = [];
  for (const control of CONTROL_NAMES) {
    const scores = await pictures
      .control(first, control)
      .then(column => scoreColumn(ctx, request, { pictures: column, against, joints, captions: 'of the dataset' }))
      .catch(missOut);
    if (scores)
      rows.push({ score: control, of: control, against: 'own', about: 'control: no model drew it', ...scores });
  }
  return rows;
}

/** Everything that the document names and that nothing else may keep. */
export function listLinks({ tests, controls, drawn }: Pick<Suite, 'tests' | 'controls' | 'drawn'>): Digest[] {
  const found = [
    ...tests.flatMap(({ scores, collage }) => [
      ...scores.map(({ document }) => document),
      ...(collage ? [collage.digest] : []),
    ]),
    ...controls.map(({ document }) => document),
    ...drawn.flatMap(({ index, pictures }) => [index, ...pictures.map(({ image }) => image.digest)]),
  ];
  return [...new Set(found)] as Digest[];
}
