/** @file Tables of a comparison: runs, configs, and numbers at equal cost with their differences. */
import { html } from 'hono/html';
import { quantity } from '../../configs/quantity.ts';
import type { ConfigRow, EqualView, MeasureRow, ReportArm } from './comparison-report.ts';
import type { ArmSummary, Difference } from './differences.ts';
import { formatFlops, formatInterval, formatNumber, formatSeconds } from './format-numbers.ts';
import type { CostName } from './read-run.ts';
import { EQUAL_WORDS } from './verdict.ts';

type Html = ReturnType<typeof html>;

const BUDGETS: Readonly<Record<CostName, (value: number) => string>> = {
  samples: value => quantity(value, 'sample'),
  seconds: formatSeconds,
  flops: formatFlops,
};

export function renderRuns(arms: readonly ReportArm[]): Html {
  return html`<section>
<h2>Runs</h2>
<div class="scroll"><table class="numbers">
<tr><th>arm</th><th>experiment</th><th>seed</th><th>state</th><th>step</th><th>samples</th><th>training time</th>\
<th>work</th><th>engine</th><th>dataset</th></tr>
${arms.flatMap(({ name, runs }) =>
  runs.map(
    run => html`<tr><td>${name}</td><td>${run.experiment}</td><td>${run.seed}</td><td>${run.state}</td>\
<td>${formatNumber(run.step)}</td><td>${formatNumber(run.samples)}</td>\
<td>${run.seconds === undefined ? '–' : formatSeconds(run.seconds)}</td>\
<td>${run.flops === undefined ? '–' : formatFlops(run.flops)}</td><td>${run.engine}</td>\
<td>${run.dataset_name ?? run.dataset.slice(0, 15)}</td></tr>
`,
  ),
)}</table></div>
<p class="note">Training time is without previews and validation. Work is that of forward and backward passes, by\
 formula.</p>
</section>`;
}

export function renderConfigs(rows: readonly ConfigRow[], arms: readonly string[]): Html {
  if (rows.length === 0) {
    return html`<section>
<h2>Configs</h2>
<p class="note">The configs of all arms are equal but for the seed.</p>
</section>`;
  }
  return html`<section>
<h2>Configs: what differs</h2>
<div class="scroll"><table class="numbers">
<tr><th>key</th>${arms.map(arm => html`<th>${arm}</th>`)}</tr>
${rows.map(
  ({
    key,
    values,
  }) => html`<tr><th><code>${key}</code></th>${arms.map(arm => html`<td>${showValue(values[arm])}</td>`)}</tr>
`,
)}</table></div>
</section>`;
}

function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'absent';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Views whose steps are the same in all runs have one table. */
export function renderViews(views: readonly EqualView[], arms: readonly string[]): Html {
  const groups = [...Map.groupBy(views, ({ steps }) => JSON.stringify(steps)).values()];
  return html`<section>
<h2>Numbers</h2>
<p class="note">Each run at its last checkpoint within what the run that spent least had spent. A difference is that\
 to ${arms[0]}, with its 95 % interval; it is called real, in bold, only if the interval excludes 0 and it exceeds the\
 spread of the seeds.</p>
${groups.map(group => renderView(group, arms))}
</section>`;
}

function renderView(group: readonly EqualView[], arms: readonly string[]): Html {
  const [view] = group;
  const [baseline = '', ...others] = arms;
  const title = group.map(({ at, budget }) => `${EQUAL_WORDS[at]} (${BUDGETS[at](budget)})`).join(', ');
  return html`<h3>At ${title}</h3>
${renderSteps(view?.steps ?? {})}
<div class="scroll"><table class="numbers">
<tr><th></th><th>${baseline}</th>${others.map(arm => html`<th>${arm}</th><th>${arm} less ${baseline}</th>`)}</tr>
${view?.rows.map(
  row => html`<tr><th>${row.label}${row.unit !== '' && `, ${row.unit}`} <small>${sayBetter(row)}</small></th>\
<td>${showSummary(row.arms[baseline])}</td>${others.map(
    arm => html`<td>${showSummary(row.arms[arm])}</td>${showDifference(row.differences[arm])}`,
  )}</tr>
${renderControls(row, arms.length)}`,
)}</table></div>
`;
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
function renderControls({ controls = [] }: MeasureRow, arms: number): Html | '' {
  if (controls.length === 0) return '';
  const told = controls.map(({ name, value }) => `${name} ${formatNumber(value)}`).join(' · ');
  return html`<tr class="control"><td colspan="${2 * arms}">controls: ${told}</td></tr>
`;
}

function sayBetter({ better }: MeasureRow): string {
  return better === undefined ? '' : `${better} is better`;
}

function showSummary(summary: ArmSummary | undefined): Html {
  if (summary === undefined) return html`–`;
  const { mean, sd, runs, pictures } = summary;
  const of = [runs > 1 && quantity(runs, 'run'), pictures !== undefined && quantity(pictures, 'picture')].filter(
    Boolean,
  );
  return html`${formatNumber(mean)}${sd !== undefined && ` ± ${formatNumber(sd)}`}\
${of.length > 0 && html` <small>${of.join(', ')}</small>`}`;
}

function showDifference(difference: Difference | undefined): Html {
  if (difference === undefined) return html`<td>–</td>`;
  const { real, better, by, incomparable } = difference;
  const kind = [real === 'yes' && 'real', better === true && 'good', better === false && 'bad']
    .filter(Boolean)
    .join(' ');
  const doubt = incomparable
    ? `not comparable: ${incomparable.join(', ')} differ`
    : { yes: 'real', no: 'not real', unknown: by === undefined ? 'one run each' : 'one seed each' }[real];
  return html`<td class="${kind}">${formatInterval(difference)} <small>${doubt}</small></td>`;
}
