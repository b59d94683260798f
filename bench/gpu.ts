/**
 * @file Training on a GPU: from the first call of the plugin to the presets beside PyTorch, within minutes.
 * `node bench/gpu.ts [--minutes 9.3] [--only prod-1,webgpu] [--small] [--out FOLDER] [--json]`. PLUGIN names a PJRT
 * plugin; otherwise that of an installed jax is taken. On a plugin for the CPU, networks are small. docs/gpu/README.md
 * explains the rows.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Context, environmentOf, platformOf } from './gpu/context.ts';
import { findParts } from './gpu/find-parts.ts';
import { findPlaces } from './gpu/places.ts';
import { encodeRow, formatRow } from './gpu/print-row.ts';
import { readOptions, USUAL_MINUTES } from './gpu/read-options.ts';
import { runSections } from './gpu/run-sections.ts';
import { startSection } from './gpu/start-section.ts';
import { SECTIONS } from './gpu/table.ts';

const asked = readOptions(process.argv.slice(2), SECTIONS);
if ('end' in asked) {
  (asked.end === 0 ? console.log : console.error)(asked.message);
  process.exit(asked.end);
}
const { options } = asked;
const say = (line: string) => (options.json ? console.error(line) : console.log(line));

const parts = findParts(process.env, findPlaces());
for (const line of parts.missing) say(line);
const { plugin = '', cudaFolder } = parts;
const platform = platformOf(plugin);
const context: Context = {
  plugin,
  platform,
  isSmall: options.small || (plugin !== '' && platform === 'cpu'),
  ...(cudaFolder !== undefined && { cudaFolder }),
  outFolder: resolve(options.out),
  cacheFolder: mkdtempSync(join(tmpdir(), 'easel-gpu-')),
  ...(process.env.LD_LIBRARY_PATH !== undefined && { libraryPath: process.env.LD_LIBRARY_PATH }),
};
say(
  plugin === '' ? 'only what runs without a plugin is measured' : `plugin ${plugin}${context.isSmall ? ', small' : ''}`,
);

const env = environmentOf(context, parts.libraryFolders);
// A slow machine that is given more minutes gives each section more of them.
const { minutes } = options;
const patience = Math.max(1, minutes / USUAL_MINUTES);
const chosen = options.sections.map(each => ({ ...each, seconds: each.seconds * patience }));
let title = '';
await runSections(
  chosen.filter(section => plugin !== '' || section.withoutPlugin),
  {
    start: (section, milliseconds, onRow) => startSection(section, milliseconds, onRow, { env }),
    report: (section, row) => {
      if (options.json) return console.log(encodeRow(section, row));
      if (section.name !== title) console.log(`\n${section.name}: ${section.title}`);
      title = section.name;
      console.log(formatRow(section, row));
    },
    seconds: minutes * 60,
    now: () => performance.now(),
  },
);
