/** @file What a comparison finds, as report.json has it. */
import { z } from 'zod';
import type { ArmSummary, Difference } from './differences.ts';
import type { CostName } from './read-run.ts';
import type { ControlRow } from './scored.ts';

export interface ReportRun {
  readonly experiment: string;
  readonly seed: number | string;
  readonly state: string;
  readonly step: number;
  readonly samples: number;
  readonly seconds?: number | undefined;
  readonly flops?: number | undefined;
  readonly config: string;
  readonly dataset: string;
  readonly dataset_name?: string | undefined;
  readonly engine: string;
}

export interface ReportArm {
  readonly name: string;
  readonly runs: readonly ReportRun[];
}

/** One key of the configs, with its value in each arm; null: the config has none. */
export interface ConfigRow {
  readonly key: string;
  readonly values: Readonly<Record<string, unknown>>;
}

export interface MeasureRow {
  readonly measure: string;
  readonly label: string;
  readonly unit: string;
  readonly better?: 'lower' | 'higher' | undefined;
  /** By arm; absent: it does not tell the measure. */
  readonly arms: Readonly<Record<string, ArmSummary>>;
  /** By arm, from the baseline. */
  readonly differences: Readonly<Record<string, Difference>>;
  /** Controls of the same measure, such as noise: what the numbers would be without a model. */
  readonly controls?: readonly ControlRow[] | undefined;
}

/** The runs at the last checkpoint at which each had spent no more than the run that spent least. */
export interface EqualView {
  readonly at: CostName;
  readonly budget: number;
  /** The step of each experiment; null: it had no checkpoint by then. */
  readonly steps: Readonly<Record<string, number | null>>;
  readonly rows: readonly MeasureRow[];
}

export interface Verdict {
  readonly sentence: string;
  /** The arm that is better, if one is; null: it cannot be told, or there is no difference. */
  readonly better: string | null;
  /** The measure that decides; absent: none is in all arms. */
  readonly measure?: string | undefined;
}

export interface Answer {
  readonly question: string;
  readonly base: string;
  readonly arm: string;
  /** One sentence for each measure. */
  readonly sentences: readonly string[];
}

export interface Curve {
  readonly measure: string;
  readonly label: string;
  readonly x: CostName;
  readonly lines: readonly {
    readonly experiment: string;
    readonly arm: string;
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
}

export interface ComparisonReport {
  readonly v: 1;
  readonly kind: 'comparison-report';
  readonly title: string;
  readonly baseline: string;
  readonly verdict: Verdict;
  readonly answers: readonly Answer[];
  /** What a reader must know before believing the numbers. */
  readonly notes: readonly string[];
  readonly arms: readonly ReportArm[];
  readonly config_differences: readonly ConfigRow[];
  readonly views: readonly EqualView[];
  readonly curves: readonly Curve[];
  readonly pictures: readonly PictureGridRecord[];
  readonly links: readonly [];
}

/** Which pictures the page shows beside each other; they lie in the experiments' own folders. */
export interface PictureGridRecord {
  readonly title: string;
  readonly at: CostName;
  readonly columns: readonly string[];
  readonly rows: readonly { readonly experiment: string; readonly arm: string; readonly step: number }[];
  /** Whether all rows began with the same noise. */
  readonly same_noise: boolean;
}

/** What the answer of `compare` takes from a report. */
export const verdictSchema = z.looseObject({
  kind: z.literal('comparison-report'),
  verdict: z.strictObject({
    sentence: z.string(),
    better: z.string().nullable(),
    measure: z.string().exactOptional(),
  }),
});
