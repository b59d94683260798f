/** @file The CPU work of stages, by name: pure functions that the worker threads of pool.ts run. */

import type { Features } from '../metrics/features.ts';
import { gaussianDistance } from '../metrics/gaussian-distance.ts';
import { measurePixels } from './curation/measure-pixels.ts';
import { type EncodePageTask, encodeInputs, encodePage } from './encoders/encode-tasks.ts';
import { noteCaptions } from './encoders/note-texts.ts';
import { fitBasis } from './encoders/pca/fit-basis.ts';
import { compareFeatures } from './evaluation/compare-features.ts';
import { compareSplitScores } from './evaluation/compare-split-scores.ts';
import { describePictures } from './evaluation/describe-pictures.ts';
import { findCopies, findLikest } from './evaluation/find-copies.ts';
import { measureCopying } from './evaluation/measure-copying.ts';
import { scorePairs } from './evaluation/score-pairs.ts';
import { summarizeScores } from './evaluation/score-row.ts';
import { readSignals } from './import/read-signals.ts';
import { packArrayPicture } from './pictures/array-picture.ts';
import { findNearDuplicates } from './pictures/near-duplicates.ts';
import { makeShardSample } from './shards/shard-sample.ts';

export const tasks = {
  'encode-page': (task: EncodePageTask) => encodePage(task),
  'encode-inputs': encodeInputs,
  'note-captions': noteCaptions,
  'fit-basis': fitBasis,
  'find-near-duplicates': findNearDuplicates,
  'pack-array-picture': packArrayPicture,
  'read-signals': readSignals,
  'shard-sample': makeShardSample,
  'measure-pixels': measurePixels,
  'describe-pictures': describePictures,
  'find-copies': findCopies,
  'find-likest': findLikest,
  'measure-copying': measureCopying,
  'compare-features': compareFeatures,
  'compare-split-scores': compareSplitScores,
  'summarize-scores': summarizeScores,
  'gaussian-distance': ({ a, b }: { readonly a: Features; readonly b: Features }) => gaussianDistance(a, b),
  'score-pairs': scorePairs,
} as const;
