/** @file How the scores of each picture move from one validation of an experiment to the next. */
import { MEASURE_NAMES, type MeasureName, scoreDifferencesSchema } from '../../../configs/picture-scores.ts';
import type { TestName } from '../../../configs/suite-tests.ts';
import { type Suite, type SuiteDrift, type SuiteTest, suiteSchema } from '../../../configs/validation-suite.ts';
import { nameAsked } from '../../../configs/vqa-options.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../../storage/canonical.ts';
import { outputOf } from '../../execution/output-of.ts';
import type { SuiteContext, SuiteRequest } from './suite-request.ts';

/** Tests whose score against the real pictures is followed. */
const FOLLOWED: readonly { readonly test: TestName; readonly score: string }[] = [
  { test: 'reconstruction', score: 'full' },
  { test: 'text', score: 'text' },
];
/** Earlier validations that a course goes back to. */
const LONGEST_COURSE = 20;

/** A course for each test, measure and kind of weights. Validations of other settings are no part of it. */
export async function compareWithEarlier(
  ctx: SuiteContext,
  request: SuiteRequest,
  tests: readonly SuiteTest[],
): Promise<SuiteDrift[]> {
  const before: Suite[] = [];
  for (const digest of request.before.slice(-LONGEST_COURSE)) {
    const suite = await readDocument(ctx.blobs, digest, suiteSchema, 'a validation');
    if (isLike(suite, request)) before.push(suite);
  }
  const courses: SuiteDrift[] = [];
  for (const { test, score } of FOLLOWED) {
    for (const found of tests.filter(each => each.test === test)) {
      const now = scoreOf(found, score);
      if (now === undefined) continue;
      const earlier = before.flatMap(({ step, tests: all }) => {
        const same = all.find(each => each.test === test && isSame(each.weights, found.weights));
        const scored = same && scoreOf(same, score);
        return scored ? [{ step, scored }] : [];
      });
      const last = earlier.at(-1);
      const answer = last && (await ctx.call('compare-scores', { a: now.document, b: last.scored.document }));
      const changes = answer && (await readChanges(ctx, outputOf(answer.result, 'differences')));
      for (const measure of MEASURE_NAMES) {
        const own = now.summaries[measure];
        if (own === undefined) continue;
        const change = changes?.[measure];
        courses.push({
          ...{ test, score, weights: found.weights, measure },
          course: [
            ...earlier.flatMap(({ step, scored }) => courseOf(step, scored.summaries[measure])),
            ...courseOf(request.step, own),
          ],
          ...(last && change && { change: { since: last.step, ...change } }),
        });
      }
    }
  }
  return courses;
}

async function readChanges(ctx: SuiteContext, digest: SuiteRequest['checkpoint']) {
  return (await readDocument(ctx.blobs, digest, scoreDifferencesSchema, 'differences of scores')).measures;
}

function scoreOf({ scores }: SuiteTest, name: string) {
  return scores.find(({ score }) => score === name);
}

function courseOf(step: number, summary: SuiteTest['scores'][number]['summaries'][MeasureName]) {
  return summary ? [{ step, ...summary }] : [];
}

/** Only numbers of equal pictures, noise, sampling and features can be compared. */
function isLike(suite: Suite, request: SuiteRequest): boolean {
  const { step, dataset, pictures, sampling, extractor, lpips, clip, vqa } = request;
  const sampled = Object.keys(sampling).every(key =>
    isSame((suite as Readonly<Record<string, unknown>>)[key], sampling[key as keyof typeof sampling]),
  );
  const isSameSet = suite.dataset === dataset && suite.pictures === pictures;
  // A net that one of the two lacks takes no part.
  const isSameNet = (a: string | undefined, b: string | undefined) => a === undefined || b === undefined || a === b;
  const isSameNets =
    isSameNet(suite.lpips, lpips?.net) &&
    isSameNet(suite.clip, clip?.model) &&
    isSameNet(suite.vqa, vqa && nameAsked(vqa));
  return suite.step < step && isSameSet && isSameNets && sampled && suite.extractor === extractor.name;
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson({ value: a ?? null } as never) === canonicalJson({ value: b ?? null } as never);
}
