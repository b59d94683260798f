/** @file The style sheet of a report. */

// A backslash joins a line with the next one: the bytes of the page depend on its line breaks.
export const REPORT_STYLE = `
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
.reasons, .notes { margin: .6rem 0; padding-left: 1.1rem; font-size: .9375rem; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--faint); font-size: .9375rem; margin-bottom: .5rem; }
.legend span, .sizes span, .notes span, .note { color: var(--faint); }
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
.missing { color: var(--val); }
details { margin: .35rem 0; }
.notes li { margin: .3rem 0; } .notes details { margin: 0; } .notes summary { color: inherit; margin: 0; }
details td:first-child { width: 18rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem .75rem; }
.pairs figure { display: grid; grid-template-columns: 1fr 1fr; gap: 2px .25rem; }
.pairs figcaption { grid-column: 1 / -1; overflow-wrap: anywhere; }
.sizes td { width: 12rem; white-space: nowrap; } .sizes td:nth-child(2) { width: auto; }
.sizes i { display: block; height: .75rem; margin-top: .4rem; border-radius: 4px; background: var(--train); }
@media print { figure { break-inside: avoid; } }
`;
