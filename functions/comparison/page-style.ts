/** @file What the page of a comparison adds to the style of reports. */

/** Colours that are told apart in light and dark, also by most people who see few colours (Okabe and Ito, 2008). */
export const ARM_COLORS = [
  '#8a8f98',
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#b8a90f',
  '#7a5195',
  '#5f9e30',
  '#a05a2c',
  '#c0392b',
] as const;

export const COMPARISON_STYLE = `
body { overflow-wrap: anywhere; }
.verdict { font-size: 1.2rem; line-height: 1.45; margin: 1.25rem 0 0; padding: 1rem 1.25rem; border-radius: 10px; \
background: var(--card); border-left: 4px solid var(--train); }
h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
.arms { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; padding: 0; margin: 1rem 0 0; }
.arms i { display: inline-block; width: .75rem; height: .75rem; border-radius: 50%; margin-right: .4rem; }
.scroll { overflow-x: auto; }
.measure { border-top: 1px solid var(--line); padding: .5rem 0; font-size: .9375rem; }
.measure h4 { font-size: inherit; margin: 0; }
.measure small, .grids small { color: var(--faint); font-size: .8125rem; font-weight: 400; }
.cells { list-style: none; margin: .15rem 0 0; padding: 0; display: grid; gap: .3rem 1rem; \
grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); font-variant-numeric: tabular-nums; }
.config .cells { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }
.cells b { font-weight: 600; } .cells b i { display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; \
margin-right: .4rem; }
.cells small { display: block; } .cells .real { font-weight: 600; } .cells .good { color: #2c8a4b; } .cells .bad { color: #c24a35; }
.control { color: var(--faint); font-size: .8125rem; margin: .3rem 0 0; }
.runs th, .runs td { width: auto; padding-right: 1rem; font-variant-numeric: tabular-nums; }
@media (max-width: 48rem) { .runs tr:first-child { display: none; } .runs tr { display: grid; padding: .4rem 0; \
grid-template-columns: 1fr 1fr; gap: 0 1rem; border-top: 1px solid var(--line); } .runs td { border: 0; padding: 0; } \
.runs td::before { content: attr(data-name) ' '; color: var(--faint); } }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 1rem; }
.curve svg { width: 100%; height: auto; background: var(--card); border-radius: 8px; }
.curve path { fill: none; stroke-width: 1.6; } .curve text { font: 10px system-ui, sans-serif; fill: currentColor; opacity: .7; }
.curve .y, .curve .end { text-anchor: end; } .curve .middle { text-anchor: middle; }
.curve .rule { stroke: currentColor; opacity: .13; }
.grids td { padding: 2px; border: 0; width: 128px; vertical-align: bottom; font-size: .75rem; line-height: 1.3; \
color: var(--faint); }
.grids th { border: 0; width: 8rem; vertical-align: middle; font-size: .875rem; }
.grids img { display: block; width: 128px; height: auto; border-radius: 6px; image-rendering: pixelated; }
.grids div { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
.grids table { width: auto; }
.answers h3 { margin-top: 1rem; } .answers ul { margin: .3rem 0; padding-left: 1.1rem; }
${ARM_COLORS.map((color, i) => `.arm-${i} { stroke: ${color}; } circle.arm-${i} { fill: ${color}; } i.arm-${i} { background: ${color}; }`).join('\n')}
`;
