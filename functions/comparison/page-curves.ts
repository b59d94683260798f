/** @file Curves as inline SVG: no script, no outside resource, colours of the page's own light or dark scheme. */
import { html } from 'hono/html';
import type { Curve } from './comparison-report.ts';
import { formatFlops, formatNumber, formatSeconds } from './format-numbers.ts';
import type { CostName } from './read-run.ts';

type Html = ReturnType<typeof html>;

const [WIDTH, HEIGHT] = [360, 220];
const FRAME = { left: 46, right: 10, top: 10, bottom: 34 } as const;
const TICKS = 4;
/** The highest value is so many times the lowest: then the scale is logarithmic. */
const LOG_FROM = 4;

/** With more points, lines have a dot at their end only. */
const MOST_DOTS = 120;

const FORMATS: Readonly<Record<CostName, { readonly label: string; format(value: number): string }>> = {
  samples: { label: 'samples', format: formatNumber },
  seconds: { label: 'seconds of training', format: formatSeconds },
  flops: { label: 'FLOPs', format: formatFlops },
};

/** @param arms In the order of their colours. */
export function renderCurve({ label, x, lines }: Curve, arms: readonly string[]): Html {
  const points = lines.flatMap(line => line.points);
  const [xs, ys] = [points.map(([value]) => value), points.map(([, value]) => value)];
  const right = Math.max(...xs);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const isLog = low > 0 && high / low >= LOG_FROM;
  const scale = isLog ? Math.log : (value: number) => value;
  const [bottom, top] = [scale(low), scale(high)];
  const across = (value: number) => FRAME.left + ((WIDTH - FRAME.left - FRAME.right) * value) / right;
  const down = (value: number) => {
    const share = top === bottom ? 0.5 : (scale(value) - bottom) / (top - bottom);
    return HEIGHT - FRAME.bottom - (HEIGHT - FRAME.top - FRAME.bottom) * share;
  };
  const isSparse = points.length < MOST_DOTS;
  const levels = ticksOf(low, high, isLog);
  const { label: xLabel, format } = FORMATS[x];
  return html`<figure class="curve">
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label} against ${xLabel}">
${levels.map(
  value => html`<line class="rule" x1="${FRAME.left}" x2="${WIDTH - FRAME.right}" y1="${px(down(value))}" y2="${px(down(value))}"/>\
<text class="y" x="${FRAME.left - 5}" y="${px(down(value) + 3.5)}">${formatLevel(value)}</text>`,
)}
<text x="${FRAME.left}" y="${HEIGHT - 18}">0</text>
<text class="end" x="${WIDTH - FRAME.right}" y="${HEIGHT - 18}">${format(right)}</text>
<text class="middle" x="${(FRAME.left + WIDTH - FRAME.right) / 2}" y="${HEIGHT - 4}">${xLabel}</text>
${lines.map(({ experiment, arm, points: own }) => {
  const color = arms.indexOf(arm);
  const path = own.map(([cost, value], i) => `${i === 0 ? 'M' : 'L'}${px(across(cost))} ${px(down(value))}`).join('');
  const [cost = 0, value = 0] = own.at(-1) ?? [];
  return html`<path class="arm-${color}" d="${path}"><title>${experiment}: ${formatNumber(value)}</title></path>\
${isSparse && own.map(([px0, py0]) => html`<circle class="arm-${color}" cx="${px(across(px0))}" cy="${px(down(py0))}" r="2"><title>${experiment}, ${format(px0)}: ${formatNumber(py0)}</title></circle>`)}\
${!isSparse && html`<circle class="arm-${color}" cx="${px(across(cost))}" cy="${px(down(value))}" r="2"/>`}`;
})}
</svg>
${isLog && html`<figcaption>logarithmic</figcaption>`}
</figure>`;
}

/** Levels are round: 0.4, not 0.400. */
const formatLevel = (value: number): string =>
  formatNumber(value)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');

const px = (value: number): string => String(Number(value.toFixed(1)));

/** A few levels between the lowest and the highest value, at round numbers. */
export function ticksOf(low: number, high: number, isLog: boolean): number[] {
  if (low === high) return [low];
  if (isLog) {
    const steps = Array.from({ length: TICKS }, (_, i) => low * (high / low) ** (i / (TICKS - 1)));
    return [...new Set(steps.map(value => Number(value.toPrecision(1))))].filter(
      value => value >= low && value <= high,
    );
  }
  const rough = (high - low) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find(factor => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)),
  );
}
