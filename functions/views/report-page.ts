/**
 * @file Writes one page about a dataset, without scripts and outside resources, so that it works wherever it is copied.
 */
import { html, raw } from 'hono/html';
import { formatCount } from '../../configs/quantity.ts';
import { COLUMN_NAMES, COLUMNS, type ColumnName, isSignal } from '../../configs/signals.ts';
import type { Dataset, Note } from '../../storage/records.ts';
import type { ReportPicture } from './report-pictures.ts';

/** Largest number of rejects in the table. The dataset has all of them. */
const MAX_REJECTS = 500;
const MAX_REASONS = 20;
const SPLITS = ['train', 'val', 'test'] as const;

type Html = ReturnType<typeof html>;

/** Renders the page. Equal arguments give equal bytes. */
export async function renderReport(
  title: string,
  dataset: Dataset,
  pictures: readonly ReportPicture[],
): Promise<string> {
  const { counts, removed, rejects, notes = [] } = dataset;
  const tiles: readonly (readonly [label: string, count: number | undefined])[] = [
    ['pictures', counts.pictures],
    ['near-duplicates', counts.duplicates],
    ['rejected', rejects.length],
    ['removed', removed.length],
    ['pages', dataset.pages.length],
  ];
  return String(
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header>
<p class="kind">Dataset</p>
<h1>${title}</h1>
</header>
<dl class="tiles">
${tiles.map(
  ([label, count]) => count !== undefined && html`<div><dt>${label}</dt><dd>${formatCount(count)}</dd></div>`,
)}
</dl>
${renderSplits(counts)}
${rejects.length > 0 && renderRejects(rejects)}
${notes.length > 0 && renderNotes(notes)}
<section>
<h2>Pictures</h2>
${renderPictures(pictures, counts.pictures)}
</section>
${renderColumns(dataset)}
</body>
</html>
`,
  );
}

function renderSplits(counts: Dataset['counts']): Html | '' {
  const parts = SPLITS.map(split => ({ split, count: counts[split] ?? 0 }));
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return '';
  const percent = (count: number) => ((100 * count) / total).toFixed(1);
  return html`<section>
<h2>Splits</h2>
<div class="bar" aria-hidden="true">${parts.map(
    ({ split, count }) => count > 0 && html`<i class="${split}" style="flex-grow:${count}"></i>`,
  )}</div>
<ul class="legend">${parts.map(
    ({ split, count }) =>
      html`<li><i class="${split}"></i>${split} <b>${formatCount(count)}</b> <span>${percent(count)} %</span></li>`,
  )}</ul>
</section>`;
}

function renderColumns({ pages, encoders }: Dataset): Html {
  const columns = COLUMN_NAMES.filter(column => pages.some(page => page.columns[column] !== undefined));
  const about = (column: ColumnName) => [COLUMNS[column].about, describeEncoder(encoders, column)].join('');
  return html`<section>
<h2>Columns</h2>
<table>
<tr><th>items.jsonl</th><td>id, name, split and size of each picture</td></tr>
${columns.map(column => html`<tr><th>${column}.tar</th><td>${about(column)}</td></tr>`)}
</table>
<p class="note">One file of each in every folder of pages/.</p>
</section>`;
}

/** `, by dct (dim 27, stride 8)`; empty for a column that no encoder made. */
function describeEncoder(encoders: Dataset['encoders'], column: ColumnName): string {
  const encoder = isSignal(column) ? encoders[column] : undefined;
  if (encoder === undefined) return '';
  const { name, ...dims } = encoder;
  return `, by ${name} (${Object.entries(dims)
    .filter(([, value]) => typeof value === 'number')
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')})`;
}

function renderPictures(pictures: readonly ReportPicture[], total: number | undefined): Html {
  if (pictures.length === 0)
    return html`<p class="note">None to be seen yet: <code>prepare</code> brings them to size.</p>`;
  const isPart = total !== undefined && total > pictures.length;
  return html`${isPart && html`<p class="note">${pictures.length} of ${formatCount(total)}, evenly spread.</p>`}
<div class="grid">
${pictures.map(
  ({ name, split, caption, width, height, webp }) => html`<figure>
<img src="data:image/webp;base64,${Buffer.from(webp).toString('base64')}" \
width="${width}" height="${height}" alt="${caption || name}" title="${name}, ${width} × ${height}">
<figcaption>${isHeldOut(split) && html`<b class="${split}">${split}</b> `}${caption || name}</figcaption>
</figure>`,
)}
</div>`;
}

function isHeldOut(split: string | undefined): boolean {
  return split !== undefined && split !== 'train';
}

function renderRejects(rejects: Dataset['rejects']): Html {
  const reasons = new Map<string, number>();
  for (const { reason } of rejects) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const shown = rejects.slice(0, MAX_REJECTS);
  const common = [...reasons].sort((a, b) => b[1] - a[1]).slice(0, MAX_REASONS);
  const others = reasons.size - common.length;
  return html`<section>
<h2>Rejected</h2>
<ul class="reasons">${common.map(([reason, count]) => html`<li><b>${formatCount(count)}</b> ${reason}</li>`)}</ul>
${others > 0 && html`<p class="note">and ${formatCount(others)} more reasons.</p>`}
<details>
<summary>Which pictures</summary>
<table>
${shown.map(({ name, reason }) => html`<tr><td>${name}</td><td>${reason}</td></tr>`)}
</table>
${rejects.length > shown.length && html`<p class="note">and ${formatCount(rejects.length - shown.length)} more.</p>`}
</details>
</section>`;
}

function renderNotes(notes: readonly Note[]): Html {
  return html`<section>
<h2>Notes</h2>
${notes.map(
  ({ text, count, examples }) => html`<details>
<summary>${text}</summary>
<table>
${examples.map(example => html`<tr><td>${example.name}</td><td>${example.text}</td></tr>`)}
</table>
${count > examples.length && html`<p class="note">and ${formatCount(count - examples.length)} more.</p>`}
</details>`,
)}
</section>`;
}

// A backslash joins a line with the next one: the bytes of the page depend on its line breaks.
const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 16%, transparent); \
--faint: color-mix(in srgb, currentColor 62%, transparent); --card: color-mix(in srgb, currentColor 5%, transparent); \
--train: #4a7dd0; --val: #c98a1b; --test: #5a9a5f; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
.kind { margin: 0; color: var(--faint); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.5rem 0 0; }
.tiles div { display: flex; flex-direction: column-reverse; background: var(--card); border-radius: 10px; \
padding: .75rem 1rem; }
.tiles dt { color: var(--faint); font-size: .875rem; }
.tiles dd { margin: 0; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.bar { display: flex; gap: 2px; height: .75rem; border-radius: 6px; overflow: hidden; }
.bar i { flex-basis: 3px; }
i.train, b.train { background: var(--train); } i.val, b.val { background: var(--val); } \
i.test, b.test { background: var(--test); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin: .6rem 0; padding: 0; \
font-size: .9375rem; }
.legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: 3px; margin-right: .4rem; }
.reasons { margin: .6rem 0; padding-left: 1.1rem; font-size: .9375rem; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--faint); font-size: .9375rem; margin-bottom: .5rem; }
.legend span, .note { color: var(--faint); }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem 1.5rem .4rem 0; border-top: 1px solid var(--line); \
overflow-wrap: anywhere; }
th { font-weight: 600; width: 9rem; }
code { font-size: .875em; background: var(--card); border-radius: 4px; padding: .1em .35em; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 1rem .75rem; }
figure { margin: 0; }
figure img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; \
background: var(--card); border-radius: 8px; }
figcaption { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; \
font-size: .8125rem; line-height: 1.35; color: var(--faint); margin-top: .35rem; }
figcaption b { color: #fff; font-weight: 600; font-size: .6875rem; border-radius: 4px; padding: .1em .4em; }
@media print { figure { break-inside: avoid; } }
`;
