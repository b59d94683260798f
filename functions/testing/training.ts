/** @file A server for tests of training: a store in memory, a gpu-runner without a model, and all functions. */
import { createBlobStore } from '../../storage/blobs/cas.ts';
import type { Clock } from '../../storage/clock.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { LIFETIMES, type Lifetimes } from '../../storage/gc/lifetimes.ts';
import { listAll } from '../../storage/list-all.ts';
import type { LeaseTerms } from '../../storage/names/lease.ts';
import type { ObjectStore, StreamedBlobStore } from '../../storage/types.ts';
import { ablate } from '../ablate.ts';
import { checkMemorization } from '../check-memorization.ts';
import { clipDistance } from '../clip-distance.ts';
import { clipScore } from '../clip-score.ts';
import { collage } from '../collage.ts';
import { compare } from '../compare.ts';
import { compareScores } from '../compare-scores.ts';
import { compareSets } from '../compare-sets.ts';
import { compareSplits } from '../compare-splits.ts';
import { controlPictures } from '../control-pictures.ts';
import { counterpartPictures } from '../counterpart-pictures.ts';
import type { Describer } from '../define.ts';
import { distance } from '../distance.ts';
import { draw } from '../draw.ts';
import { evaluate } from '../evaluate.ts';
import { createExecutor, type Executor } from '../execution/executor.ts';
import type { TrainingEngineRequest } from '../experiments/resolve-engine.ts';
import { exportWeights } from '../export.ts';
import { features } from '../features.ts';
import { flowLoss } from '../flow-loss.ts';
import { gc } from '../gc.ts';
import { heldOut } from '../held-out.ts';
import { memorization } from '../memorization.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { pairSheet } from '../pair-sheet.ts';
import { pictureFiles } from '../picture-files.ts';
import { planMemory } from '../plan-memory.ts';
import { preflight } from '../preflight.ts';
import { preview } from '../preview.ts';
import { probeDrawn } from '../probe-drawn.ts';
import { probePictures } from '../probe-pictures.ts';
import { renderComparison } from '../render-comparison.ts';
import { report } from '../report.ts';
import { sample } from '../sample.ts';
import { scorePictures } from '../score-pictures.ts';
import { scorePoses } from '../score-poses.ts';
import { subset } from '../subset.ts';
import { sweep } from '../sweep.ts';
import { train } from '../train.ts';
import { trainChunk } from '../train-chunk.ts';
import { tune } from '../tune.ts';
import { validate } from '../validate.ts';
import { verify } from '../verify.ts';
import { verifyResume } from '../verify-resume.ts';
import { vqaScore } from '../vqa-score.ts';
import { createFakeRunner, type FakeRunner } from './fake-runner.ts';
import { inlinePool } from './inline-pool.ts';
import { putToyDataset } from './toy-dataset.ts';

export { createFakeRunner, type FakeRunner, fakeValidation } from './fake-runner.ts';
export { putToyDataset, type ToyDataset } from './toy-dataset.ts';

export const ENGINE = { name: 'reference', precision: 'f32', threads: 1 } as const;
export const PLAN = { micro_batch: 2, gradient_checkpointing: false } as const;
/** Both, as PUT /experiments/<name> takes them. */
export const ASKED_ENGINE = { ...ENGINE, micro_batch: PLAN.micro_batch } as const;

/** 8 samples per step, chunks of 4 steps, 16 steps, one preview. */
export const TOY_CONFIG = {
  model: { hidden_size: 16, depth: 1, num_heads: 1, patch_size: 8, patch_overlap: 0 },
  optimizer: { total_samples: 128, warmup_samples: 0 },
  data: { batch_size: 8 },
  run: { chunk_steps: 4, keep: 1, preview: { prompts: ['a red hat'], steps: 2 } },
};

export interface TrainingLab {
  readonly store: ObjectStore;
  readonly blobs: StreamedBlobStore;
  readonly runner: FakeRunner;
  readonly executor: Executor;
  /** Creates an experiment on the toy dataset. */
  create(name: string, config?: Readonly<Record<string, unknown>>, engine?: TrainingEngineRequest): Promise<void>;
}

export interface LabOptions {
  readonly rounding?: string;
  readonly lease?: LeaseTerms;
  readonly lifetimes?: Lifetimes;
  /** Default: that of the lifetimes. */
  readonly clock?: Clock;
  /** Default: no server describes pictures. */
  readonly describer?: Describer;
}

/** Several labs over one store are several servers. */
export function createTrainingLab(store: ObjectStore = createMemoryStore(), options: LabOptions = {}): TrainingLab {
  const { lifetimes = LIFETIMES } = options;
  const blobs = createBlobStore(store, lifetimes);
  const runner = createFakeRunner(blobs, options.rounding);
  const executor = createExecutor({
    store,
    blobs,
    registry: [
      preflight,
      planMemory,
      train,
      ablate,
      sweep,
      subset,
      tune,
      trainChunk,
      preview,
      heldOut,
      draw,
      validate,
      scorePictures,
      scorePoses,
      probeDrawn,
      pictureFiles,
      counterpartPictures,
      compareScores,
      distance,
      collage,
      flowLoss,
      features,
      controlPictures,
      compareSets,
      compareSplits,
      memorization,
      probePictures,
      pairSheet,
      evaluate,
      checkMemorization,
      clipDistance,
      clipScore,
      vqaScore,
      exportWeights,
      sample,
      report,
      compare,
      renderComparison,
      gc,
      verify,
      verifyResume,
    ],
    runner,
    pool: inlinePool,
    describer: options.describer,
    importRoots: [],
    clock: options.clock ?? lifetimes.clock,
    lifetimes,
    ...(options.lease && { lease: options.lease }),
  });
  return {
    store,
    blobs,
    runner,
    executor,
    async create(name, config = TOY_CONFIG, engine = ASKED_ENGINE) {
      const dataset = await putToyDataset(blobs);
      await createExperiment({ store, blobs, runner, executor }, name, { config, dataset, engine });
    },
  };
}

/** All keys below a prefix, sorted. */
export async function listKeys(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of listAll(store, prefix)) keys.push(key);
  return keys.sort();
}
