/** @file The section of a report with measures: how each is spread, and the pictures at both ends. */
import { html, raw } from 'hono/html';
import { formatCount } from '../../configs/quantity.ts';
import type { ExtremePicture, MeasuredSpread, ReportCuration } from './curation-pictures.ts';
import { webpUrl } from './report-pictures.ts';

type Html = ReturnType<typeof html>;

// A backslash joins a line with the next one: the bytes of the page depend on its line breaks.
const STYLE = `
.measure { border-top: 1px solid var(--line); padding: .75rem 0; }
.measure h3 { font-size: 1rem; margin: 0 0 .25rem; } .measure h3 span { font-weight: 400; color: var(--faint); }
.histogram { display: flex; align-items: flex-end; gap: 1px; height: 4rem; max-width: 30rem; }
.histogram i { flex: 1; background: var(--train); min-height: 1px; }
.scale { display: flex; justify-content: space-between; max-width: 30rem; font-size: .8125rem; color: var(--faint); }
.ends { display: grid; grid-template-columns: repeat(8, 1fr); gap: .5rem; margin-top: .5rem; max-width: 60rem; }
.ends figcaption { display: block; font-size: .75rem; overflow-wrap: anywhere; }
`;

export function renderCuration({ leftOut, measures, languages }: ReportCuration): Html {
  return html`${renderLeftOut(leftOut)}<section>
<style>${raw(STYLE)}</style>
<h2>Measures</h2>
<p class="note">A rule of this name leaves pictures out: <code>"rules": {"blur": {"min": 60}}</code>. Below each are the \
pictures with the smallest and the largest numbers.</p>
${measures.map(renderMeasure)}
${
  languages.length > 0 &&
  html`<div class="measure"><h3>language <span>of the captions</span></h3>
<p>${languages.map(([code, count]) => html`${code} <b>${formatCount(count)}</b> `)}</p></div>`
}
</section>`;
}

function renderLeftOut(pictures: readonly ExtremePicture[]): Html | '' {
  if (pictures.length === 0) return '';
  return html`<section>
<h2>Left out by rules</h2>
<p class="note">The decision <code>keep</code> in the list of approvals keeps a picture against every rule.</p>
<div class="ends">
${pictures.map(renderEnd)}
</div>
</section>
`;
}

function renderMeasure({ name, about, spread, say, least, most }: MeasuredSpread): Html {
  const highest = Math.max(...spread.bins);
  return html`<div class="measure">
<h3>${name} <span>${about}</span></h3>
<div class="histogram" aria-hidden="true">${spread.bins.map(
    count => html`<i style="height:${((100 * count) / highest).toFixed(1)}%"></i>`,
  )}</div>
<div class="scale"><span>${say(spread.from)}</span><span>${say(spread.to)}</span></div>
<p class="note">From ${say(spread.min)} to ${say(spread.max)}; half of the pictures have at most ${say(spread.median)}, \
5 % at most ${say(spread.p5)}, 5 % at least ${say(spread.p95)}.</p>
<div class="ends">${[...least, ...most.toReversed()].map(renderEnd)}</div>
</div>`;
}

function renderEnd({ name, value, webp }: ExtremePicture): Html {
  return html`<figure>
${webp && html`<img src="${webpUrl(webp)}" alt="${name}">`}
<figcaption>${value}<br>${name}</figcaption>
</figure>`;
}
