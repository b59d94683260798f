/** @file All functions there are, in the order of the pipeline. */
import { ablate } from './ablate.ts';
import { bucket } from './bucket.ts';
import { caption } from './caption.ts';
import { checkMemorization } from './check-memorization.ts';
import { classify } from './classify.ts';
import { clipDistance } from './clip-distance.ts';
import { clipScore } from './clip-score.ts';
import { collage } from './collage.ts';
import { compare } from './compare.ts';
import { compareScores } from './compare-scores.ts';
import { compareSets } from './compare-sets.ts';
import { compareSplits } from './compare-splits.ts';
import { contactSheet } from './contact-sheet.ts';
import { controlPictures } from './control-pictures.ts';
import { counterpartPictures } from './counterpart-pictures.ts';
import { curate } from './curate.ts';
import type { AnyFunction } from './define.ts';
import { detectPose } from './detect-pose.ts';
import { diff } from './diff.ts';
import { distance } from './distance.ts';
import { draw } from './draw.ts';
import { encodeImage } from './encode-image.ts';
import { encodeText } from './encode-text.ts';
import { estimate } from './estimate.ts';
import { evaluate } from './evaluate.ts';
import { exportWeights } from './export.ts';
import { features } from './features.ts';
import { fetchModels } from './fetch-models.ts';
import { fitPca } from './fit-pca.ts';
import { flowLoss } from './flow-loss.ts';
import { gc } from './gc.ts';
import { heldOut } from './held-out.ts';
import { importPictures } from './import.ts';
import { ingest } from './ingest.ts';
import { inspect } from './inspect.ts';
import { mask } from './mask.ts';
import { memorization } from './memorization.ts';
import { modelCosts } from './model-costs.ts';
import { packShard } from './pack-shard.ts';
import { pairSheet } from './pair-sheet.ts';
import { pictureFiles } from './picture-files.ts';
import { planMemory } from './plan-memory.ts';
import { pose } from './pose.ts';
import { poseSheet } from './pose-sheet.ts';
import { preflight } from './preflight.ts';
import { prepare } from './prepare.ts';
import { preview } from './preview.ts';
import { probeDrawn } from './probe-drawn.ts';
import { probePictures } from './probe-pictures.ts';
import { renderComparison } from './render-comparison.ts';
import { renderEmojiPage } from './render-emoji.ts';
import { renderFigurePage } from './render-figures.ts';
import { renderPortraitPage } from './render-portraits.ts';
import { report } from './report.ts';
import { sample } from './sample.ts';
import { scorePictures } from './score-pictures.ts';
import { scorePoses } from './score-poses.ts';
import { select } from './select.ts';
import { shard } from './shard.ts';
import { subset } from './subset.ts';
import { sweep } from './sweep.ts';
import { takeSignals } from './take-signals.ts';
import { train } from './train.ts';
import { trainChunk } from './train-chunk.ts';
import { tune } from './tune.ts';
import { validate } from './validate.ts';
import { verify } from './verify.ts';
import { verifyModel } from './verify-model.ts';
import { verifyResume } from './verify-resume.ts';
import { vqaScore } from './vqa-score.ts';

export const registry: readonly AnyFunction[] = [
  prepare,
  estimate,
  importPictures,
  renderPortraitPage,
  renderFigurePage,
  renderEmojiPage,
  inspect,
  ingest,
  bucket,
  mask,
  pose,
  caption,
  curate,
  select,
  subset,
  takeSignals,
  encodeText,
  fitPca,
  encodeImage,
  detectPose,
  classify,
  shard,
  packShard,
  fetchModels,
  verifyModel,
  modelCosts,
  report,
  diff,
  preflight,
  planMemory,
  train,
  ablate,
  sweep,
  tune,
  trainChunk,
  preview,
  heldOut,
  draw,
  counterpartPictures,
  scorePictures,
  scorePoses,
  compareScores,
  probeDrawn,
  clipDistance,
  clipScore,
  vqaScore,
  collage,
  pictureFiles,
  flowLoss,
  validate,
  sample,
  exportWeights,
  features,
  controlPictures,
  compareSets,
  compareSplits,
  memorization,
  probePictures,
  evaluate,
  checkMemorization,
  pairSheet,
  distance,
  contactSheet,
  poseSheet,
  compare,
  renderComparison,
  gc,
  verify,
  verifyResume,
];
