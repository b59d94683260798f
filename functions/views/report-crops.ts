/** @file The crop sheet of a report: what the crops cut off, in pictures and in numbers. */
import { html, raw } from 'hono/html';
import { formatCount } from '../../configs/quantity.ts';
import type { CropRecord } from '../datasets/crop-record.ts';
import type { CropRow, ReportCrops } from './crop-pictures.ts';
import { webpUrl } from './report-pictures.ts';

const MAX_ROWS = 500;

type Html = ReturnType<typeof html>;

// A backslash joins a line with the next one: the bytes of the page depend on its line breaks.
const STYLE = `
.crops { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem .75rem; }
.crops figcaption { overflow-wrap: anywhere; } .crops figcaption b { color: inherit; font-size: inherit; padding: 0; }
.numbers td { white-space: nowrap; } .numbers td:first-child { white-space: normal; }
`;

export function renderCrops({ rows, shown }: ReportCrops): Html | '' {
  if (rows.length === 0) return '';
  const cut = rows.filter(({ record }) => record.cut > 0).length;
  return html`<section>
<style>${raw(STYLE)}</style>
<h2>Crops</h2>
<p class="note">${formatCount(cut)} of ${formatCount(rows.length)} pictures lose something by the crop. What is dark is \
cut off; those that lose most come first.</p>
<div class="crops">
${shown.map(
  ({ name, record, webp }) => html`<figure>
<img src="${webpUrl(webp)}" alt="${name}">
<figcaption><b>${name}</b><br>${describe(record)}</figcaption>
</figure>`,
)}
</div>
<details>
<summary>Numbers of each picture</summary>
<table class="numbers">
<tr><th>picture</th><th>cut off</th><th>enlarged</th><th>joints lost</th><th>crop</th></tr>
${rows.slice(0, MAX_ROWS).map(renderRow)}
</table>
${rows.length > MAX_ROWS && html`<p class="note">and ${formatCount(rows.length - MAX_ROWS)} more.</p>`}
</details>
</section>`;
}

function renderRow({ name, record }: CropRow): Html {
  const { joints, crop } = record;
  const lost = joints === undefined ? '-' : `${joints.lost} of ${joints.seen}`;
  return html`<tr><td>${name}</td><td>${percent(record.cut)}</td><td>${times(record.scale)}</td><td>${lost}</td>\
<td>${crop}</td></tr>`;
}

function describe({ cut, scale, joints }: CropRecord): string {
  return [
    `${percent(cut)} cut off`,
    ...(scale > 1 ? [`${times(scale)} enlarged`] : []),
    ...(joints && joints.lost > 0 ? [`${joints.lost} of ${joints.seen} joints lost`] : []),
  ].join(', ');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function times(scale: number): string {
  return `${Number(scale.toPrecision(3))} times`;
}
