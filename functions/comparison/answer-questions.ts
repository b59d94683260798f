/** @file Answers the questions of a comparison by its numbers, one sentence for each measure. */
import { listSome, quantity } from '../../configs/quantity.ts';
import type { Answer } from './comparison-report.ts';
import type { ComparisonQuestion } from './comparison-request.ts';
import type { ArmRuns } from './config-table.ts';
import type { Difference } from './differences.ts';
import { type BudgetedRuns, viewAt } from './equal-views.ts';
import { formatInterval, formatNumber } from './format-numbers.ts';
import { findMeasure, type Measure, meanLoss } from './measures.ts';
import type { RunRecord } from './read-run.ts';
import { meanOf } from './student-interval.ts';
import { EQUAL_WORDS } from './verdict.ts';

/** Keys of a config that a sentence names. */
const MOST_KEYS = 4;

/** Share of a run over which its loss is averaged, when runs race to one loss. */
const WINDOW = 0.05;

export function answerQuestion(
  { question, base, arm, measures }: ComparisonQuestion,
  arms: readonly ArmRuns[],
  budgets: readonly BudgetedRuns[],
  known: readonly Measure[],
): Answer {
  const pair = [base, arm].flatMap(name => arms.filter(each => each.name === name));
  const sentences = measures.flatMap(key => {
    const measure = findMeasure(known, key);
    const found = measure && firstAnswer(budgets, pair, measure);
    if (found === undefined) return [`${measure?.label ?? key}: not measured in both ${base} and ${arm}.`];
    const { at: cost, row, before, after, difference } = found;
    const unit = row.unit === '' ? '' : ` ${row.unit}`;
    const percent = before.mean > 0 ? `, ${formatPercent(after.mean / before.mean - 1)}` : '';
    const numbers = `${arm} ${formatNumber(after.mean)}${unit}, ${base} ${formatNumber(before.mean)}${unit}`;
    const sentence = `${row.label} at ${EQUAL_WORDS[cost]}: ${numbers}; difference ${formatInterval(difference, row.unit)}${percent}. ${sayReal(difference, after.runs)}`;
    const races = (key === 'loss_slope' || key === 'loss') && !difference.incomparable;
    return [sentence, ...(races ? raceTo(pair, base, arm) : [])];
  });
  // The slope of a loss and the loss itself tell of the same race.
  return { question, base, arm, sentences: [...new Set(sentences)] };
}

/** By the first view in which both arms tell the number. */
function firstAnswer(budgets: readonly BudgetedRuns[], pair: readonly ArmRuns[], measure: Measure) {
  const [base, arm] = pair;
  if (base === undefined || arm === undefined) return undefined;
  for (const budgeted of budgets) {
    const [row] = viewAt(budgeted, pair, [measure]).rows;
    const [before, after, difference] = [row?.arms[base.name], row?.arms[arm.name], row?.differences[arm.name]];
    if (row && before && after && difference) return { at: budgeted.at, row, before, after, difference };
  }
  return undefined;
}

function formatPercent(share: number): string {
  const percent = formatNumber(100 * share);
  return `${share > 0 ? '+' : ''}${percent} %`;
}

function sayReal({ real, incomparable }: Difference, runs: number): string {
  if (incomparable) {
    return `That says nothing: the number means something else in each, by ${listSome(incomparable, MOST_KEYS, incomparable.length)}.`;
  }
  if (real === 'yes') return 'The difference is real.';
  if (real === 'no') return 'That is within what chance and seeds make.';
  return `It is of ${quantity(runs, 'run')} each: other seeds may say the contrary.`;
}

/** How many samples the arm needs for the loss that the base ends with: a slope that people can plan with. */
function raceTo(pair: readonly ArmRuns[], base: string, arm: string): string[] {
  const runsOf = (name: string) => pair.find(each => each.name === name)?.runs ?? [];
  const goals = runsOf(base).flatMap(run => {
    const last = run.points.at(-1)?.step ?? 0;
    const loss = meanLoss(run, last * (1 - WINDOW), last);
    return loss === undefined ? [] : [{ loss, samples: run.points.at(-1)?.samples ?? 0 }];
  });
  if (goals.length === 0) return [];
  const goal = { loss: meanOf(goals.map(({ loss }) => loss)), samples: meanOf(goals.map(({ samples }) => samples)) };
  const times = runsOf(arm).map(run => samplesTo(run, goal.loss));
  const reached = times.filter(samples => samples !== undefined);
  if (reached.length === 0)
    return [`${arm} does not reach the loss that ${base} ends with (${formatNumber(goal.loss)}).`];
  const share = formatNumber((100 * meanOf(reached)) / goal.samples);
  const missed = times.length - reached.length;
  const rest = missed > 0 ? `; ${quantity(missed, 'run')} of ${arm} did not reach it` : '';
  return [
    `${arm} reaches the loss that ${base} ends with (${formatNumber(goal.loss)}) after ${share} % of its samples${rest}.`,
  ];
}

/** Samples after which the mean loss of a window of steps is at most `loss`. */
function samplesTo({ points }: RunRecord, loss: number): number | undefined {
  const finite = points.flatMap(point => (point.loss === null ? [] : [{ samples: point.samples, loss: point.loss }]));
  const width = Math.max(1, Math.round(WINDOW * finite.length));
  let sum = 0;
  for (const [i, point] of finite.entries()) {
    sum += point.loss - (finite[i - width]?.loss ?? 0);
    if (i + 1 >= width && sum / width <= loss) return point.samples;
  }
  return undefined;
}
