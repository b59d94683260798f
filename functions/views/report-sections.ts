/** @file Sections of a report: what was decided, left out, and how the pictures are spread. */
import { html } from 'hono/html';
import { formatCount } from '../../configs/quantity.ts';
import type { BucketCount, Dataset, Note, Reject } from '../../storage/records.ts';
import { groupRejects } from '../datasets/rejects-by-reason.ts';
import type { NearDuplicate } from './near-duplicate-pairs.ts';
import { webpUrl } from './report-pictures.ts';

/** Largest number of rejects in a table. The dataset has all of them. */
const MAX_REJECTS = 500;
const MAX_REASONS = 20;
/** Largest number of pictures in the line of a note. */
const MAX_INLINE = 3;
const SPLITS = ['train', 'val', 'test'] as const;

type Html = ReturnType<typeof html>;

export function renderNotes(notes: readonly Note[]): Html | '' {
  if (notes.length === 0) return '';
  return html`<section>
<h2>Notes</h2>
<ul class="notes">
${notes.map(note => html`<li>${renderNote(note)}</li>`)}
</ul>
</section>`;
}

/** With few examples, all are in the line. */
function renderNote({ text, count, examples }: Note): Html {
  const named = examples.slice(0, MAX_INLINE).map(example => `${example.name} (${example.text})`);
  const line = html`${text} <span>${named.join(', ')}</span>`;
  if (examples.length <= MAX_INLINE) return line;
  return html`<details>
<summary>${line}</summary>
<table>
${examples.map(example => html`<tr><td>${example.name}</td><td>${example.text}</td></tr>`)}
</table>
${andMore(count - examples.length)}
</details>`;
}

export function renderRejects(title: string, rejects: readonly Reject[]): Html | '' {
  if (rejects.length === 0) return '';
  const groups = groupRejects(rejects);
  const common = groups.toSorted((a, b) => b.count - a.count).slice(0, MAX_REASONS);
  const others = groups.length - common.length;
  return html`<section>
<h2>${title}</h2>
<ul class="reasons">${common.map(
    ({ of, count, text }) => html`<li><b>${formatCount(count)}</b> ${count === 1 ? of : `${of}s`}: ${text}</li>`,
  )}</ul>
${others > 0 && html`<p class="note">and ${formatCount(others)} more reasons.</p>`}
<details>
<summary>Which, and why</summary>
<table>
${rejects.slice(0, MAX_REJECTS).map(({ name, reason }) => html`<tr><td>${name}</td><td>${reason}</td></tr>`)}
</table>
${andMore(rejects.length - MAX_REJECTS)}
</details>
</section>`;
}

/** @param total Number of pictures that nearly equal an earlier one. */
export function renderPairs(pairs: readonly NearDuplicate[], total = pairs.length): Html | '' {
  if (pairs.length === 0) return '';
  return html`<section>
<h2>Near-duplicates</h2>
<p class="note">Each nearly equals the one before it. Both are kept, in the same split.</p>
<div class="pairs">
${pairs.map(
  pair => html`<figure>
${[pair.first, pair.second].map(({ webp, name }) => webp && html`<img src="${webpUrl(webp)}" alt="${name}">`)}
<figcaption>${pair.first.name}<br>${pair.second.name}</figcaption>
</figure>`,
)}
</div>
${andMore(total - pairs.length)}
</section>`;
}

/** @param isRecorded Records of the crops say where they are. */
export function renderBuckets(buckets: readonly BucketCount[], isRecorded = false): Html | '' {
  if (buckets.length === 0) return '';
  const most = Math.max(...buckets.map(({ pictures }) => pictures));
  return html`<section>
<h2>Sizes</h2>
<table class="sizes">
${buckets.map(
  ({ width, height, pictures, train }) => html`<tr><th>${width} × ${height}</th>\
<td><i style="width:${((100 * pictures) / most).toFixed(1)}%"></i></td>\
<td><b>${formatCount(pictures)}</b> <span>${formatCount(train)} to train</span></td></tr>`,
)}
</table>
<p class="note">In pixels, as training sees the pictures: scaled to cover a size, then cropped${isRecorded ? '' : ' around the centre'}.</p>
</section>`;
}

export function renderSplits(counts: Dataset['counts']): Html | '' {
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

function andMore(count: number): Html | '' {
  return count > 0 ? html`<p class="note">and ${formatCount(count)} more.</p>` : '';
}
