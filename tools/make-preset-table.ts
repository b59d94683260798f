/** @file Writes docs/presets.md, the tables of recipes and sizes: `node tools/make-preset-table.ts`. */
import { writeFileSync } from 'node:fs';
import { isRecord } from '../configs/merge-deep.ts';
import { listNames, readRecipe, readSize } from '../configs/preset-files.ts';
import { loadPreset } from '../configs/presets.ts';
import { formatCount } from '../configs/quantity.ts';

const PAGE = new URL('../docs/presets.md', import.meta.url);

/** One size of each class, in whose columns the table of recipes shows a recipe that differs between classes. */
const COLUMNS = [
  { recipe: 'best', size: 'tiny-b' },
  { recipe: 'best', size: 'small-b' },
  { recipe: 'best', size: 'prod-1' },
  { recipe: 'seed', size: 'seed-768' },
  { recipe: 'seed-literal', size: 'seed-768' },
] as const;

/** The page, by the files in configs/. */
export async function formatPresetTable(): Promise<string> {
  const wholes = await listNames('presets');
  return `# Presets

A preset is a config to begin with. Any key can be changed beside it ([all keys](config.md)).

\`\`\`json
{"preset": "portraits"}
{"preset": {"recipe": "best", "size": "small-a"}, "optimizer": {"total_samples": 1000000}}
{"preset": {"recipe": "seed"}}
\`\`\`

- A **recipe** says what is trained and how. A **size** says how large the network is, its patches and its pictures.
  \`{"recipe": R, "size": S}\` composes the two as they are today; a newer version of Easel may know a better recipe.
- One axis alone gets a default of the other. Its bare name means the same: \`{"preset": "small-a"}\`. A recipe with
  several sizes takes the first whose pictures the dataset has, or comes near: half of the pixels, and 64 tokens or
  more.
- ${wholes.map(name => `\`${name}\``).join(', ')} are whole configs in
  [configs/presets](../configs/presets). They come before sizes of the same name. They keep their digest, so that the
  same \`PUT\` finds the same experiment in a later version, until a better recipe is [proven](recipe.md) for one.
- An experiment stores the keys, not the name of the preset.

## Sizes

${await formatSizes()}

A size of the class \`production\` takes days on one GPU, one of \`small\` hours, one of \`tiny\` minutes on a CPU.
[memory.md](memory.md) says what they take. Sizes with no size of pictures take it from the dataset.

## Recipes

${await formatRecipes()}

A column is a recipe at a size of one class: ${COLUMNS.map(({ size }) => `\`${size}\``).join(', ')}.
Reasons stand beside the keys in [configs/recipes](../configs/recipes).

## Mistakes that \`seed-literal\` keeps

The original project has mistakes. \`seed\` has its choices without them; \`seed-literal\` puts those back that a key can
express, so that the two can be compared.

${await formatFlaws()}

This page is made by \`node tools/make-preset-table.ts\`.
`;
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(cell => '-'.repeat(cell.length))), ...rows.map(line)].join('\n');
}

async function formatSizes(): Promise<string> {
  const rows = (await listNames('sizes')).map(async name => {
    const [{ about, scale, recipe }, { model, data }] = await Promise.all([readSize(name), loadPreset({ size: name })]);
    const { width, height } = data.image_size ?? {};
    const picture = width === undefined ? "the dataset's" : `${formatCount(width)} x ${formatCount(height ?? width)}`;
    const network = `${formatCount(model.hidden_size)} wide, ${model.depth} deep, ${model.num_heads} heads`;
    return { scale, cells: [`\`${name}\``, scale, network, `${model.patch_size} px`, picture, `\`${recipe}\``, about] };
  });
  const found = await Promise.all(rows);
  const ordered = ['tiny', 'small', 'production'].flatMap(scale => found.filter(row => row.scale === scale));
  return formatTable(
    ['size', 'class', 'network', 'patch', 'pictures', 'default recipe', 'for'],
    ordered.map(({ cells }) => cells),
  );
}

/** A row for every key that a recipe states. */
async function formatRecipes(): Promise<string> {
  const names = await listNames('recipes');
  const about = await Promise.all(
    names.map(async name => {
      const { about, size, smaller } = await readRecipe(name);
      const others =
        smaller.length === 0 ? '' : `; for smaller pictures ${smaller.map(each => `\`${each}\``).join(', ')}`;
      return `- \`${name}\`: ${about}.\n  At \`${size}\`${others}.`;
    }),
  );
  const columns = await Promise.all(COLUMNS.map(async pair => new Map(listLeaves(await loadPreset(pair)))));
  const stated = new Set((await Promise.all(names.map(readRecipe))).flatMap(listStated));
  const keys = [...new Set(columns.flatMap(leaves => [...leaves.keys()]))].filter(key => stated.has(key));
  const cell = (value: string | undefined) => (value === undefined ? '' : `\`${value}\``);
  const rows = keys.map(key => [`\`${key}\``, ...columns.map(leaves => cell(leaves.get(key)))]);
  const head = ['key', 'best, tiny', 'best, small', 'best, production', 'seed', 'seed-literal'];
  return `${about.join('\n')}\n\n${formatTable(head, rows)}`;
}

/** Keys that a recipe states in any of its parts. */
function listStated({ every, scales, sizes, flaws }: Awaited<ReturnType<typeof readRecipe>>): string[] {
  const parts = [every, ...Object.values(scales), ...Object.values(sizes), ...flaws.map(({ config }) => config)];
  return parts.flatMap(part => listLeaves(part).map(([key]) => key)).filter(key => key !== 'v' && key !== 'seed');
}

function listLeaves(value: unknown, path: readonly string[] = []): (readonly [string, string])[] {
  if (!isRecord(value)) return [[path.join('.'), JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, inner]) => listLeaves(inner, [...path, key]));
}

async function formatFlaws(): Promise<string> {
  const { flaws, lost_flaws } = await readRecipe('seed-literal');
  const kept = flaws.map(({ section, text, config }) => [
    section,
    text,
    listLeaves(config)
      .map(([key, value]) => `\`${key}: ${value}\``)
      .join(', '),
  ]);
  const lost = lost_flaws.map(({ section, text }) => `- ${section}: ${text}`);
  const rest = lost.length === 0 ? '' : `\n\nNo key expresses these:\n\n${lost.join('\n')}`;
  return formatTable(['part', 'mistake', 'keys'], kept) + rest;
}

if (import.meta.main) writeFileSync(PAGE, await formatPresetTable());
