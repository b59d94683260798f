/** @file From the compared runs to what a comparison finds. */
import type { BlobStore } from '../../storage/types.ts';
import { answerQuestion } from './answer-questions.ts';
import type { ComparedRuns } from './compared-runs.ts';
import type { ComparisonReport, ReportArm } from './comparison-report.ts';
import { type ArmRuns, noteRuns, tabulateConfigs } from './config-table.ts';
import { drawCurves } from './curves.ts';
import { listBudgets, viewAt } from './equal-views.ts';
import { evidenceMeasures, HELD_OUT_LOSS, RUN_MEASURES } from './measures.ts';
import { type PictureGrid, pickGrids } from './pick-pictures.ts';
import { readRun } from './read-run.ts';
import { judgeArms } from './verdict.ts';

/** Scores of checkpoints that have a curve beside those of the losses. */
const CURVES = /^reconstruction\/(lpips|feature_distance)$|\/kid$/;

export interface BuiltReport {
  readonly report: ComparisonReport;
  readonly grids: readonly PictureGrid[];
}

/** @throws BlobMissing, Corrupt */
export async function buildReport(blobs: BlobStore, compared: ComparedRuns, signal: AbortSignal): Promise<BuiltReport> {
  const arms: ArmRuns[] = [];
  for (const { name, runs } of compared.arms) {
    signal.throwIfAborted();
    arms.push({ name, runs: await Promise.all(runs.map(run => readRun(blobs, name, run))) });
  }
  const runs = arms.flatMap(arm => arm.runs);
  const names = arms.map(({ name }) => name);
  const scores = evidenceMeasures(runs);
  const measures = [...scores, ...RUN_MEASURES];
  const budgets = listBudgets(runs);
  const views = budgets.map(budget => viewAt(budget, arms, measures));
  const grids = await pickGrids(blobs, arms, budgets, signal);
  const report: ComparisonReport = {
    v: 1,
    kind: 'comparison-report',
    title: compared.title,
    baseline: names[0] ?? '',
    verdict: judgeArms(views, names),
    answers: compared.questions.map(question => answerQuestion(question, arms, budgets, measures)),
    notes: noteRuns(arms),
    arms: arms.map(describeArm),
    config_differences: tabulateConfigs(arms),
    views,
    curves: drawCurves(runs, [HELD_OUT_LOSS, ...scores.filter(({ key }) => CURVES.test(key))]),
    pictures: grids.map(({ shown: _, ...record }) => record),
    links: [],
  };
  return { report, grids };
}

function describeArm({ name, runs }: ArmRuns): ReportArm {
  return {
    name,
    runs: runs.map(({ experiment, seed, state, borders, config, dataset, dataset_name, engine }) => {
      const { step = 0, samples = 0, seconds, flops } = borders.at(-1) ?? {};
      return {
        ...{ experiment, seed, state, step, samples, seconds, flops, config, dataset, dataset_name },
        engine: `${engine.name} ${engine.precision}, ${engine.threads} threads`,
      };
    }),
  };
}
