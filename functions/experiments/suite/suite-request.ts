/** @file What a run of the validation suite is asked for, and what it works with. */
import type { WeightChoice } from '../../../configs/averages.ts';
import type { CaptionEdit } from '../../../configs/caption-edits.ts';
import type { Sampling } from '../../../configs/sampling.ts';
import type { KeyedConfig } from '../../../configs/schema.ts';
import type { TestName } from '../../../configs/suite-tests.ts';
import type { AskedModel } from '../../../configs/vqa-options.ts';
import type { Json } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { EngineSpec } from '../../../storage/records.ts';
import type { BlobStore } from '../../../storage/types.ts';
import type { CallAnswer } from '../../define.ts';
import type { Weights } from '../../encoders/encoder.ts';
import type { InstalledLpips } from '../sets/lpips-distances.ts';

/** Either of a border step or of an effect. */
export interface SuiteContext {
  readonly blobs: BlobStore;
  call(name: string, body: Json): Promise<CallAnswer>;
}

export interface SuiteExtractor {
  readonly name: string;
  readonly why: string;
  readonly weights?: Weights | undefined;
  /** Absent: it computes in the server. */
  readonly engine?: EngineSpec | undefined;
}

export interface SuitePose {
  readonly net: { readonly weights: Weights; readonly joint_score?: number; readonly person_score?: number };
  /** Pictures of a column that are looked at, the first ones that have poses. */
  readonly most: number;
}

export interface SuiteRequest {
  readonly checkpoint: Digest;
  readonly dataset: Digest;
  readonly step: number;
  readonly config: Pick<KeyedConfig, 'model' | 'objective'>;
  readonly engine: EngineSpec;
  /** With the seed of the noise. */
  readonly sampling: Sampling;
  readonly highGuidance: number;
  readonly pictures: number;
  readonly tests: readonly TestName[];
  readonly weights: readonly WeightChoice[];
  /** Checkpoints of which averages of other lengths are made. */
  tracesOf(weights: WeightChoice): readonly Digest[] | undefined;
  readonly edits?: readonly CaptionEdit[] | undefined;
  readonly extractor: SuiteExtractor;
  readonly lpips?: InstalledLpips | undefined;
  /** As `clip-score` takes it. Absent: no CLIP judges. */
  readonly clip?: { readonly model: string; readonly weights: Weights } | undefined;
  /** The model that is asked about pictures, as `vqa-score` takes it. Absent: nobody is. */
  readonly vqa?: AskedModel | undefined;
  /** Finds joints, as `score-poses` takes it. A text says why no network does; absent: none was looked for. */
  readonly pose?: SuitePose | string | undefined;
  /** Documents of earlier validations of the experiment, oldest first. */
  readonly before: readonly Digest[];
}
