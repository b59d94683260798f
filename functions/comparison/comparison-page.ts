/** @file One page about a comparison, without scripts and outside resources, so that it works wherever it is copied. */
import { html } from 'hono/html';
import { type Html, renderPage } from '../views/html-page.ts';
import { webpUrl } from '../views/report-pictures.ts';
import { REPORT_STYLE } from '../views/report-style.ts';
import type { ComparisonReport, Curve } from './comparison-report.ts';
import { renderCurve } from './page-curves.ts';
import { renderViews } from './page-numbers.ts';
import { COMPARISON_STYLE } from './page-style.ts';
import { renderConfigs, renderRuns } from './page-tables.ts';
import type { PictureGrid } from './pick-pictures.ts';
import { EQUAL_WORDS } from './verdict.ts';

/** Renders the page. Equal arguments give equal bytes. */
export async function renderComparisonPage(report: ComparisonReport, grids: readonly PictureGrid[]): Promise<string> {
  const { title, verdict, answers, notes, arms, config_differences, views, curves } = report;
  const names = arms.map(({ name }) => name);
  const body = html`<p class="verdict">${verdict.sentence}</p>
<ul class="arms">${arms.map(
    ({ name, runs }, i) =>
      html`<li><i class="arm-${i}"></i>${name}${i === 0 && ', the baseline'}${runs.length > 1 && ` (${runs.length} runs)`}</li>`,
  )}</ul>
${
  notes.length > 0 &&
  html`<section>
<h2>Before you believe the numbers</h2>
<ul class="notes">${notes.map(note => html`<li>${note}</li>`)}</ul>
</section>`
}
${renderAnswers(answers)}
${renderViews(views, names)}
${renderCurves(curves, names)}
${
  grids.length > 0 &&
  html`<section class="grids">
<h2>Pictures</h2>
${grids.map(renderGrid)}
</section>`
}
${renderConfigs(config_differences, names)}
${renderRuns(arms)}`;
  return renderPage({ kind: 'Comparison', title, style: `${REPORT_STYLE}${COMPARISON_STYLE}`, body });
}

function renderAnswers(answers: ComparisonReport['answers']): Html | '' {
  if (answers.length === 0) return '';
  return html`<section class="answers">
<h2>Questions</h2>
${answers.map(
  ({ question, base, arm, sentences }) => html`<h3>${question} <small>(${arm} against ${base})</small></h3>
<ul>${sentences.map(sentence => html`<li>${sentence}</li>`)}</ul>
`,
)}</section>`;
}

/** Curves of one measure stand in one row. */
function renderCurves(curves: readonly Curve[], arms: readonly string[]): Html | '' {
  if (curves.length === 0) return '';
  const groups = [...Map.groupBy(curves, ({ measure }) => measure).values()];
  return html`<section>
<h2>Curves</h2>
${groups.map(
  group => html`<h3>${group[0]?.label}</h3>
<div class="curves">${group.map(curve => renderCurve(curve, arms))}</div>
`,
)}</section>`;
}

function renderGrid({ title, at, columns, shown, same_noise }: PictureGrid): Html {
  return html`<h3>${title}, at ${EQUAL_WORDS[at]}</h3>
<p class="note">${
    same_noise
      ? 'The pictures of a column began with the same noise.'
      : 'The pictures of a column did not begin with the same noise, or have other settings: their sampling differs.'
  }</p>
<div class="scroll"><table>
${shown.map(
  ({ label, webps }) => html`<tr><th>${label}</th>${webps.map(
    (webp, i) => html`<td><img src="${webpUrl(webp)}" alt="${label}: ${columns[i]}" title="${columns[i]}"></td>`,
  )}</tr>
`,
)}<tr><th></th>${columns.map(column => html`<td><div>${column}</div></td>`)}</tr>
</table></div>
`;
}
