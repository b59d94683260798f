/** @file One test of the validation suite: draws, scores, differences, attributes, a collage. */
import { type DrawnAttributes, drawnAttributesSchema } from '../../../configs/drawn-attributes.ts';
import { scoreDifferencesSchema } from '../../../configs/picture-scores.ts';
import { type DrawKey, drawsOf, type ScoreRow, SUITE_TESTS, type TestName } from '../../../configs/suite-tests.ts';
import type { SuiteScore, SuiteTest } from '../../../configs/validation-suite.ts';
import { Internal } from '../../../errors.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import { outputOf } from '../../execution/output-of.ts';
import { givesPose, scoreColumn } from './score-column.ts';
import type { Drawn, SuitePictures } from './suite-pictures.ts';
import type { SuiteContext, SuiteRequest } from './suite-request.ts';

/** Pixels of a place of a collage: small pictures are enlarged. */
const SMALLEST_PLACE = 128;
const LARGEST_PLACE = 256;
/** Characters of a caption in a collage. */
const LONGEST_LABEL = 300;

export type TestOutcome = Omit<SuiteTest, 'test' | 'weights' | 'about' | 'skipped'>;

/** @throws Unprocessable if the model or the pictures lack what the test needs. */
export async function runTest(
  ctx: SuiteContext,
  request: SuiteRequest,
  pictures: SuitePictures,
  name: TestName,
): Promise<TestOutcome> {
  const test = SUITE_TESTS[name];
  const drawn = new Map<DrawKey, Drawn>();
  for (const key of drawsOf(test)) drawn.set(key, await pictures.draw(key));
  const scores: SuiteScore[] = [];
  for (const { caption, ...row } of test.scores) {
    const of = drawn.get(row.of);
    if (of === undefined) throw new Internal(`the test ${name} does not draw ${row.of}`);
    const columns = await columnsOf(pictures, of, row);
    const joints = test.pose && row.against === 'own' && givesPose(request);
    const captions = caption && of.digest;
    scores.push({ ...row, ...(await scoreColumn(ctx, request, { ...columns, cls: test.cls, joints, captions })) });
  }
  const differences = [];
  for (const { difference, a, b, about } of test.differences ?? []) {
    const [one, other] = [a, b].map(key => scores.find(({ score }) => score === key)?.document);
    if (one === undefined || other === undefined) throw new Internal(`the test ${name} has no scores ${a} and ${b}`);
    const answer = await ctx.call('compare-scores', { a: one, b: other });
    const { measures } = await readDocument(
      ctx.blobs,
      outputOf(answer.result, 'differences'),
      scoreDifferencesSchema,
      'differences of scores',
    );
    differences.push({ difference, about, measures });
  }
  const attributes = [];
  for (const key of test.probes ?? []) {
    const shown = await readAttributes(ctx, request, drawn.get(key));
    if (shown) attributes.push({ of: key, ...shown });
  }
  const collage = await makeCollage(ctx, pictures, test.about, test.collage, drawn);
  const leftOut = countLeftOut([...drawn.values()]);
  return {
    ...(leftOut.length > 0 && { left_out: leftOut }),
    ...{ scores, differences },
    ...(attributes.length > 0 && { attributes }),
    ...(collage && { collage }),
  };
}

/** Each picture counts once for a reason, however many draws left it out. */
function countLeftOut(drawn: readonly Drawn[]): NonNullable<SuiteTest['left_out']> {
  const reasons = Map.groupBy(
    drawn.flatMap(({ index }) => index.skipped),
    ({ reason }) => reason,
  );
  return [...reasons].map(([reason, skipped]) => ({ reason, pictures: new Set(skipped.map(({ id }) => id)).size }));
}

async function columnsOf(pictures: SuitePictures, of: Drawn, { against }: ScoreRow) {
  if (against === 'other_own') {
    return { pictures: await pictures.counterpart(of, 'other'), against: await pictures.counterpart(of, 'own') };
  }
  return { pictures: of.index.pictures, against: await pictures.counterpart(of, against) };
}

/** Undefined of pictures whose attributes nobody can read. */
async function readAttributes(ctx: SuiteContext, { dataset }: SuiteRequest, drawn: Drawn | undefined) {
  if (drawn === undefined) return undefined;
  const { result } = await ctx.call('probe-drawn', { drawn: drawn.digest, dataset });
  const document: DrawnAttributes = await readDocument(
    ctx.blobs,
    outputOf(result, 'attributes'),
    drawnAttributesSchema,
    'attributes of drawn pictures',
  );
  const { v: _, kind: __, links: ___, ...shown } = document;
  return shown.measured > 0 ? shown : undefined;
}

/** Its rows are the pictures that all of its draws have. The last of the smallest draws knows B. */
async function makeCollage(
  ctx: SuiteContext,
  pictures: SuitePictures,
  title: string,
  keys: readonly (DrawKey | 'own' | 'other')[],
  drawn: ReadonlyMap<DrawKey, Drawn>,
) {
  const shown = keys.flatMap(key => (key === 'own' || key === 'other' ? [] : (drawn.get(key) ?? [])));
  const least = shown.reduce<Drawn | undefined>(
    (few, each) => (few === undefined || each.index.items.length <= few.index.items.length ? each : few),
    undefined,
  );
  if (least === undefined) return undefined;
  const columns = [];
  for (const key of keys) {
    const isReal = key === 'own' || key === 'other';
    const label = key === 'own' ? 'real' : key === 'other' ? 'B, whose look is given' : (drawn.get(key)?.about ?? key);
    columns.push({
      label,
      pictures: isReal ? await pictures.counterpart(least, key) : (drawn.get(key) ?? least).index.pictures,
    });
  }
  const { items } = least.index;
  const largest = Math.max(...items.map(({ width, height }) => Math.max(width, height)));
  const body = {
    title: `${title[0]?.toUpperCase()}${title.slice(1)}`,
    columns,
    rows: items.map(({ id, caption }) => ({ id, label: [...caption].slice(0, LONGEST_LABEL).join('') })),
    cell: Math.min(LARGEST_PLACE, Math.max(SMALLEST_PLACE, largest)),
  };
  const { result } = await ctx.call('collage', body);
  return result.outputs.image;
}
