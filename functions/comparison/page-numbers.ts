/** @file The numbers of a comparison at equal cost: a block of each measure, with a cell of each arm. */
import { html } from 'hono/html';
import { quantity } from '../../configs/quantity.ts';
import type { Html } from '../views/html-page.ts';
import type { EqualView, MeasureRow } from './comparison-report.ts';
import type { ArmSummary, Difference } from './differences.ts';
import { formatFlops, formatInterval, formatNumber, formatSeconds } from './format-numbers.ts';
import type { CostName } from './read-run.ts';
import { EQUAL_WORDS } from './verdict.ts';

const BUDGETS: Readonly<Record<CostName, (value: number) => string>> = {
  samples: value => quantity(value, 'sample'),
  seconds: formatSeconds,
  flops: formatFlops,
};

/** Views whose steps are the same in all runs stand together. */
export function renderViews(views: readonly EqualView[], arms: readonly string[]): Html {
  const groups = [...Map.groupBy(views, ({ steps }) => JSON.stringify(steps)).values()];
  return html`<section>
<h2>Numbers</h2>
<p class="note">Each run at its last checkpoint within what the run that spent least had spent. Below the number of an\
 arm is its difference to ${arms[0]}, with its 95 % interval; it is called real, in bold, only if the interval excludes\
 0 and it exceeds the spread of the seeds.</p>
${groups.map(group => renderView(group, arms))}
</section>`;
}

function renderView(group: readonly EqualView[], arms: readonly string[]): Html {
  const [view] = group;
  const title = group.map(({ at, budget }) => `${EQUAL_WORDS[at]} (${BUDGETS[at](budget)})`).join(', ');
  return html`<h3>At ${title}</h3>
${renderSteps(view?.steps ?? {})}
${view?.rows.map(
  row => html`<div class="measure">
<h4>${row.label}${row.unit !== '' && `, ${row.unit}`} <small>${sayBetter(row)}</small></h4>
${renderCells(arms, arm => showNumber(row.arms[arm], row.differences[arm]))}
${renderControls(row)}</div>
`,
)}`;
}

/** A cell of each arm: beside each other where there is room, below each other on a phone. */
export function renderCells(arms: readonly string[], show: (arm: string) => Html): Html {
  return html`<ul class="cells">
${arms.map(
  (arm, i) => html`<li><b><i class="arm-${i}"></i>${arm}</b> ${show(arm)}</li>
`,
)}</ul>`;
}

/** Where the runs are taken, unless all are at one step. */
function renderSteps(steps: EqualView['steps']): Html | '' {
  if (new Set(Object.values(steps)).size < 2) return '';
  const told = Object.entries(steps).map(
    ([name, step]) => `${name} ${step === null ? 'none yet' : formatNumber(step)}`,
  );
  return html`<p class="note">Checkpoints, by step: ${told.join(', ')}.</p>`;
}

/** One line: what no model drew, between which any number lies. */
function renderControls({ controls = [] }: MeasureRow): Html | '' {
  if (controls.length === 0) return '';
  const told = controls.map(({ name, value }) => `${name} ${formatNumber(value)}`).join(' · ');
  return html`<p class="control">controls: ${told}</p>
`;
}

function sayBetter({ better }: MeasureRow): string {
  return better === undefined ? '' : `${better} is better`;
}

/** The number of an arm, its difference to the baseline, and in small print how sure both are. */
function showNumber(summary: ArmSummary | undefined, difference: Difference | undefined): Html {
  if (summary === undefined) return html`–`;
  const { mean, sd, runs, pictures } = summary;
  const small = [
    ...(difference ? [sayDoubt(difference)] : []),
    ...(runs > 1 ? [quantity(runs, 'run')] : []),
    ...(pictures === undefined ? [] : [quantity(pictures, 'picture')]),
  ].join(', ');
  return html`${formatNumber(mean)}${sd !== undefined && ` ± ${formatNumber(sd)}`}\
${difference && html`<div class="${kindOf(difference)}">${formatInterval(difference)}</div>`}\
${small !== '' && html` <small>${small}</small>`}`;
}

function kindOf({ real, better }: Difference): string {
  return [real === 'yes' && 'real', better === true && 'good', better === false && 'bad'].filter(Boolean).join(' ');
}

function sayDoubt({ real, by, incomparable }: Difference): string {
  if (incomparable) return `not comparable: ${incomparable.join(', ')} differ`;
  return { yes: 'real', no: 'not real', unknown: by === undefined ? 'one run each' : 'one seed each' }[real];
}
