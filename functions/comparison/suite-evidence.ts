/** @file What a validation tells: scores of held-out pictures that were drawn under given conditions. */
import { z } from 'zod';
import { samplingOf } from '../../configs/sampling.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import { meanOfPictures, type Scored } from './scored.ts';

const scoreSchema = z.looseObject({
  score: z.string(),
  ids: z.array(z.string()),
  values: z.record(z.string(), z.array(z.number().nullable())),
  joints_by: z.string().optional(),
});

const suiteSchema = z.looseObject({
  kind: z.literal('validation-suite'),
  dataset: z.string(),
  extractor: z.string(),
  lpips: z.string().optional(),
  clip: z.string().optional(),
  vqa: z.string().optional(),
  tests: z.array(z.looseObject({ test: z.string(), weights: z.json(), scores: z.array(scoreSchema) })),
  controls: z.array(scoreSchema).default([]),
});

/** Tests, and the score of each that tells how well it went. */
const TESTS = [
  {
    test: 'reconstruction',
    score: 'full',
    of: 'reconstruction from all signals',
    measures: [
      'lpips',
      'feature_distance',
      'psnr',
      'ssim',
      'pck',
      'pck_05',
      'oks',
      'clip_score',
      'vqa',
      'vqa_difference',
    ],
  },
  {
    test: 'text',
    score: 'text',
    of: 'held-out pictures from captions alone',
    measures: ['lpips', 'feature_distance', 'clip_score', 'vqa', 'vqa_difference'],
  },
  {
    test: 'pose_text',
    score: 'pose_text',
    of: 'held-out pictures from pose and caption',
    measures: ['pck', 'pck_05', 'oks', 'lpips', 'feature_distance', 'clip_score', 'vqa', 'vqa_difference'],
  },
  {
    test: 'pose',
    score: 'pose',
    of: 'held-out pictures from the pose alone',
    measures: ['pck', 'pck_05', 'oks', 'lpips', 'feature_distance'],
  },
  {
    test: 'cls',
    score: 'cls',
    of: 'held-out pictures from the vector of the whole picture alone',
    measures: ['lpips', 'feature_distance', 'cls_distance'],
  },
  {
    test: 'patches',
    score: 'patches',
    of: 'held-out pictures from the vectors of their patches alone',
    measures: ['lpips', 'feature_distance', 'psnr', 'ssim'],
  },
  {
    test: 'swap',
    score: 'to_b',
    of: 'look of another picture, kept in a swap',
    measures: ['cls_distance', 'color_distance'],
  },
] as const;

const MEASURES: Readonly<Record<string, { readonly label: string; readonly better: 'lower' | 'higher' }>> = {
  lpips: { label: 'LPIPS', better: 'lower' },
  feature_distance: { label: 'feature distance', better: 'lower' },
  cls_distance: { label: 'distance of CLS', better: 'lower' },
  color_distance: { label: 'distance of colours', better: 'lower' },
  psnr: { label: 'PSNR in dB', better: 'higher' },
  ssim: { label: 'SSIM', better: 'higher' },
  pck: { label: 'joints within a tenth of the box (PCK@.1)', better: 'higher' },
  pck_05: { label: 'joints within a twentieth of the box (PCK@.05)', better: 'higher' },
  oks: { label: 'likeness of the poses (OKS)', better: 'higher' },
  clip_score: { label: 'fit of picture and caption (CLIPScore)', better: 'higher' },
  vqa: { label: 'yes to the caption (VQA)', better: 'higher' },
  vqa_difference: { label: 'yes to the caption rather than to another one (VQA)', better: 'higher' },
};

export async function readSuite(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const suite = await readDocument(blobs, digest, suiteSchema, 'a validation');
  const { dataset, extractor, lpips = null, clip = null, vqa = null } = suite;
  const sampling = JSON.parse(JSON.stringify(samplingOf(suite)));
  return TESTS.flatMap(({ test, score, of, measures }) => {
    const own = suite.tests.filter(each => each.test === test);
    // Averaged weights are what people sample.
    const found = own.find(({ weights }) => weights === 'ema') ?? own[0];
    const scored = found?.scores.find(each => each.score === score);
    if (found === undefined || scored === undefined) return [];
    return measures.flatMap((name): Scored[] => {
      const measured = meanOfPictures(scored.ids, scored.values[name]);
      const known = MEASURES[name];
      if (measured === undefined || known === undefined) return [];
      const { joints_by: joints = null } = scored;
      const byJoints = { pck: joints, pck_05: joints, oks: joints };
      const byCaption = { clip_score: clip, vqa, vqa_difference: vqa };
      const nets = { lpips, feature_distance: extractor, ...byCaption, ...byJoints };
      const net = nets[name as keyof typeof nets] ?? null;
      return [
        {
          key: `${test}/${name}`,
          label: `${of}: ${known.label}${net === null ? '' : ` (${net})`}`,
          better: known.better,
          measured,
          meaning: { dataset, sampling, net, weights: found.weights },
          controls:
            test === 'swap'
              ? []
              : suite.controls.flatMap(control => {
                  const mean = meanOfPictures(control.ids, control.values[name])?.value;
                  return mean === undefined ? [] : [{ name: control.score.replace(/_/g, ' '), value: mean }];
                }),
        },
      ];
    });
  });
}
