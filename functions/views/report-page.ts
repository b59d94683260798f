/**
 * @file Writes one page about a dataset, without scripts and outside resources, so that it works wherever it is copied.
 */
import { html } from 'hono/html';
import { listNotices } from '../../configs/model-notices.ts';
import { formatCount } from '../../configs/quantity.ts';
import { COLUMN_NAMES, COLUMNS, type ColumnName, isSignal } from '../../configs/signals.ts';
import type { Dataset } from '../../storage/records.ts';
import { kindOfReject } from '../datasets/rejects-by-reason.ts';
import type { ReportCrops } from './crop-pictures.ts';
import type { ReportCuration } from './curation-pictures.ts';
import { type Html, renderPage } from './html-page.ts';
import type { NearDuplicate } from './near-duplicate-pairs.ts';
import { renderCrops } from './report-crops.ts';
import { renderCuration } from './report-curation.ts';
import { type ReportPicture, webpUrl } from './report-pictures.ts';
import { renderBuckets, renderNotes, renderPairs, renderRejects, renderSplits } from './report-sections.ts';
import { REPORT_STYLE } from './report-style.ts';

export interface ReportContent {
  readonly dataset: Dataset;
  readonly pictures: readonly ReportPicture[];
  readonly pairs: readonly NearDuplicate[];
  readonly crops?: ReportCrops | undefined;
  readonly curation?: ReportCuration | undefined;
}

/** Renders the page. Equal arguments give equal bytes. */
export async function renderReport(title: string, content: ReportContent): Promise<string> {
  const { dataset, pictures, pairs, crops, curation } = content;
  const { counts, removed, rejects, buckets = [], notes = [] } = dataset;
  const rejected = rejects.filter(reject => kindOfReject(reject) === 'picture');
  const others = rejects.filter(reject => kindOfReject(reject) !== 'picture');
  // A rule or list leaves pictures out, which are rejects.
  const leftOut = new Set(rejected.map(({ id }) => id));
  const gone = removed.filter(id => !leftOut.has(id)).length;
  const uncaptioned = notes.find(({ code }) => code === 'caption_missing')?.count;
  const tiles: readonly (readonly [label: string, count: number | undefined])[] = [
    ['pictures', counts.pictures],
    ['without caption', uncaptioned],
    ['near-duplicates', counts.duplicates],
    ['pictures rejected', rejected.length],
    ['other files left out', others.length > 0 ? others.length : undefined],
    ['removed', gone > 0 ? gone : undefined],
  ];
  const body = html`<dl class="tiles">
${tiles.map(
  ([label, count]) => count !== undefined && html`<div><dt>${label}</dt><dd>${formatCount(count)}</dd></div>`,
)}
</dl>
${renderNotes(notes.filter(({ code }) => code !== 'near_duplicate'))}
${renderRejects('Pictures rejected', rejected)}
${renderRejects('Other files left out', others)}
${renderPairs(pairs, counts.duplicates)}
${renderBuckets(buckets, crops !== undefined)}
${renderSplits(counts)}${
  crops &&
  html`
${renderCrops(crops)}`
}${
  curation &&
  html`
${renderCuration(curation)}`
}
<section>
<h2>Pictures</h2>
${renderPictures(pictures, counts.pictures)}
</section>
${renderColumns(dataset)}`;
  return renderPage({ kind: 'Dataset', title, style: REPORT_STYLE, body });
}

function renderPictures(pictures: readonly ReportPicture[], total: number | undefined): Html {
  if (pictures.length === 0)
    return html`<p class="note">None to be seen yet: <code>prepare</code> brings them to size.</p>`;
  const isPart = total !== undefined && total > pictures.length;
  return html`${isPart && html`<p class="note">${pictures.length} of ${formatCount(total)}, evenly spread.</p>`}
<div class="grid">
${pictures.map(
  ({ name, split, caption, width, height, webp }) => html`<figure>
<img src="${webpUrl(webp)}" \
width="${width}" height="${height}" alt="${caption || name}" title="${name}, ${width} × ${height}">
<figcaption>${isHeldOut(split) && html`<b class="${split}">${split}</b> `}\
${caption || html`<em class="missing">no caption</em>`}</figcaption>
</figure>`,
)}
</div>`;
}

function isHeldOut(split: string | undefined): boolean {
  return split !== undefined && split !== 'train';
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
<p class="note">One file of each in every folder of pages/, for at most 64 pictures: ${formatCount(pages.length)}\
 ${pages.length === 1 ? 'folder' : 'folders'}.</p>
</section>`;
}

/** `, by dct (dim 27, stride 8)`, with the licence of weights of others; empty for a column that no encoder made. */
function describeEncoder(encoders: Dataset['encoders'], column: ColumnName): string {
  const encoder = isSignal(column) ? encoders[column] : undefined;
  if (encoder === undefined) return '';
  const { name, ...dims } = encoder;
  const license = listNotices([name]).map(notice => `; its licence is ${notice.license}`);
  return `, by ${name} (${Object.entries(dims)
    .filter(([, value]) => typeof value === 'number')
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')})${license.join('')}`;
}
