/** @file What a comparison tells of its runs, and the keys in which their configs differ. */
import { html } from 'hono/html';
import type { Html } from '../views/html-page.ts';
import type { ConfigRow, ReportArm } from './comparison-report.ts';
import { formatFlops, formatNumber, formatSeconds } from './format-numbers.ts';
import { renderCells } from './page-numbers.ts';

const COLUMNS = [
  ...['arm', 'experiment', 'seed', 'state', 'step', 'samples', 'training time', 'work', 'engine', 'dataset'],
] as const;

export function renderRuns(arms: readonly ReportArm[]): Html {
  const rows = arms.flatMap(({ name, runs }) =>
    runs.map(run => [
      ...[name, run.experiment, run.seed, run.state, formatNumber(run.step), formatNumber(run.samples)],
      run.seconds === undefined ? '–' : formatSeconds(run.seconds),
      run.flops === undefined ? '–' : formatFlops(run.flops),
      ...[run.engine, run.dataset_name ?? run.dataset.slice(0, 15)],
    ]),
  );
  return html`<section>
<h2>Runs</h2>
<table class="runs">
<tr>${COLUMNS.map(name => html`<th>${name}</th>`)}</tr>
${rows.map(
  row => html`<tr>${row.map((value, i) => html`<td data-name="${COLUMNS[i]}">${value}</td>`)}</tr>
`,
)}</table>
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
${rows.map(
  ({ key, values }) => html`<div class="measure config">
<h4><code>${key}</code></h4>
${renderCells(arms, arm => html`${showValue(values[arm])}`)}</div>
`,
)}</section>`;
}

function showValue(value: unknown): string {
  if (value === null || value === undefined) return 'absent';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
