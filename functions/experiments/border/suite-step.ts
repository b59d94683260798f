/** @file The validation suite during a training: every so many steps, by the settings of run.validate. */
import { MEASURE_NAMES, type MeasureName } from '../../../configs/picture-scores.ts';
import { samplingOf } from '../../../configs/sampling.ts';
import { labelOf, listSuiteFiles } from '../../../configs/suite-files.ts';
import { BORDER_TESTS, type Suite, suiteSchema, validationOf } from '../../../configs/validation-suite.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { ExperimentHead } from '../../../storage/experiment-record.ts';
import type { BlobStore } from '../../../storage/types.ts';
import { readChunks } from '../chunk-pages.ts';
import { stepOf } from '../experiment-head.ts';
import { tracesFor } from '../sample-weights.ts';
import { builtInExtractor } from '../suite/choose-extractor.ts';
import { runSuite } from '../suite/run-suite.ts';
import { type ArtifactFile, type ArtifactScalars, type ArtifactShown, defineBorderStep } from './border-step.ts';
import { isDueEvery } from './is-due-every.ts';
import { listTexts } from './list-texts.ts';

/** Key of the artifact in a chunk. */
export const SUITE = 'suite';
/** Rows of a collage in TensorBoard. */
const SHOWN_CAPTIONS = 25;

/** Documents of the validations before a step, oldest first. */
export async function suitesBefore(blobs: BlobStore, head: ExperimentHead, step: number): Promise<Digest[]> {
  return (await readChunks(blobs, head)).flatMap(({ to, artifacts }) =>
    to < step && artifacts[SUITE] ? [artifacts[SUITE]] : [],
  );
}

export const suiteStep = defineBorderStep<Suite>({
  name: SUITE,
  due: ({ head, config, step }) => isDueEvery(validationOf(config.run.validate).every, stepOf(head), step),
  async run({ head, config, step, blobs, call }, checkpoint) {
    const settings = validationOf(config.run.validate);
    const { digest } = await runSuite(
      { blobs, call },
      {
        ...{ checkpoint, dataset: head.dataset, step, config, engine: head.engine },
        sampling: samplingOf({ ...config.run.preview, seed: settings.seed }),
        ...{ highGuidance: settings.high_guidance, pictures: settings.pictures, edits: settings.edits },
        ...{ tests: settings.tests ?? BORDER_TESTS, weights: settings.weights ?? ['ema'] },
        tracesOf: weights => tracesFor(head, weights),
        ...{ extractor: builtInExtractor(config), before: await suitesBefore(blobs, head, step) },
      },
    );
    return digest;
  },
  artifact: {
    kind: 'validation-suite',
    schema: suiteSchema,
    folder: 'validation',
    files: listViewFiles,
    scalars: listScalars,
    shown: listShown,
    describe({ run: { validate } }) {
      const { every, pictures } = validationOf(validate);
      return every === 0
        ? '- validation/: held-out pictures under many conditions, where `validate` was called (run.validate.every is 0)'
        : `- validation/: ${pictures} held-out pictures under many conditions and their scores, every ${every} steps`;
    },
  },
});

function listViewFiles(suite: Suite): ArtifactFile[] {
  return listSuiteFiles(suite) as unknown as ArtifactFile[];
}

/** Tags as those of the seed: `validation/reconstruction_lpips`, with the measures that there are. */
const SCALARS = [
  { tag: 'reconstruction', test: 'reconstruction', score: 'full' },
  { tag: 'text_only', test: 'text', score: 'text' },
  { tag: 'cls_only', test: 'cls', score: 'cls' },
  { tag: 'patches_only', test: 'patches', score: 'patches' },
  { tag: 'pose_only', test: 'pose', score: 'pose' },
  { tag: 'pose_text', test: 'pose_text', score: 'pose_text' },
  { tag: 'dino_swap_to_text', test: 'swap', score: 'to_a' },
  { tag: 'dino_swap_to_look', test: 'swap', score: 'to_b' },
  { tag: 'text_manip', test: 'edit', score: 'effect_text', suffix: '_diff' },
] as const;

/** Measures of a picture and its caption. */
const OF_ONE_PICTURE: ReadonlySet<MeasureName> = new Set<MeasureName>(['clip_score', 'vqa', 'vqa_difference']);

/** Of the first weights that were asked for. */
function listScalars({ tests }: Suite): ArtifactScalars {
  const [first] = tests;
  const found = tests.filter(({ weights }) => first && labelOf(weights) === labelOf(first.weights));
  const scalars: Record<string, number> = {};
  for (const { tag, test, score, ...row } of SCALARS) {
    const scored = found.find(each => each.test === test)?.scores.find(each => each.score === score);
    for (const measure of MEASURE_NAMES) {
      const mean = scored?.summaries[measure]?.mean;
      // Not of two pictures, so it is no difference.
      const suffix = 'suffix' in row && !OF_ONE_PICTURE.has(measure) ? row.suffix : '';
      if (mean !== undefined) scalars[`validation/${tag}_${measure}${suffix}`] = mean;
    }
  }
  const edited = found.find(({ test }) => test === 'edit')?.attributes?.find(({ of }) => of === 'edit_text')?.edited;
  if (edited) scalars['validation/text_manip_success_rate'] = edited.right / edited.of;
  return scalars;
}

function listShown({ tests, drawn }: Suite): ArtifactShown {
  const [first] = tests;
  const own = tests.filter(({ weights }) => first && labelOf(weights) === labelOf(first.weights));
  const pictures = own.flatMap(({ test, collage }) => (collage ? [[`validation/${test}`, [collage.digest]]] : []));
  const captions = drawn[0]?.pictures.slice(0, SHOWN_CAPTIONS).map(({ caption }) => caption) ?? [];
  return {
    pictures: Object.fromEntries(pictures) as NonNullable<ArtifactShown['pictures']>,
    texts: { 'validation/captions': listTexts(captions) },
  };
}
