/** @file What a check for copies of training pictures is asked for. */
import type { ConditionName } from '../../../configs/drawn-conditions.ts';
import type { Config } from '../../../configs/schema.ts';
import type { KeptOf } from '../find-kept.ts';
import type { DrawSettings, ReadyExtractor } from './draw-set.ts';
import type { InstalledLpips } from './lpips-distances.ts';

export interface CopyCheck extends DrawSettings {
  readonly config: Config;
  /** The checkpoint, and the experiment whose engine and dataset it is drawn with. */
  readonly kept: Pick<KeptOf, 'head' | 'checkpoint'>;
  /** Looks beside thumbnails. */
  readonly extractor: ReadyExtractor;
  /** Why this extractor. */
  readonly why: string;
  /** What the network is given: so many pictures are drawn from each. */
  readonly conditions: readonly [ConditionName, ...ConditionName[]];
  readonly split: 'train' | 'val';
  /** Pictures of each condition. */
  readonly samples: number;
  readonly ratio: number;
  readonly limit: number;
  /** Pictures of the caption swap test; absent: as many as usual. */
  readonly swapped?: number | undefined;
  /** A network that finds copies, and the cosine above which it does. */
  readonly detector?: CopyDetector | undefined;
  /** Compares drawn pictures with those of their conditions. A text says why no net does. */
  readonly lpips: InstalledLpips | string;
}

export interface CopyDetector {
  readonly extractor: ReadyExtractor;
  readonly above: number;
}

/** As a call or a config names conditions. */
interface NamedConditions {
  readonly condition?: ConditionName | undefined;
  readonly conditions?: readonly ConditionName[] | undefined;
}

/** The conditions of a call, each once; the usual one where it names none. */
export function listConditions(
  { condition, conditions = [] }: NamedConditions,
  usual: () => ConditionName,
): CopyCheck['conditions'] {
  const [first = condition ?? usual(), ...others] = new Set(conditions);
  return [first, ...others];
}
