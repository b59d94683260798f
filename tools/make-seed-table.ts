/** @file Writes docs/seed.md, what becomes of each key of the original project: `node tools/make-seed-table.ts`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { readWrittenConfig } from '../configs/written-config.ts';

const PAGE = new URL('../docs/seed.md', import.meta.url);
const BLOCK = new URL('../configs/seed-block/block.yaml', import.meta.url);

/** The page, by the rules of today. */
export function formatSeedTable(): string {
  const text = readFileSync(BLOCK, 'utf8');
  const { translation } = readWrittenConfig(text);
  if (translation === undefined) throw new Error(`${BLOCK} is no config of the original project`);
  const { mapped, ignored } = translation;
  return `# The config of the original project

Easel takes the config of the project that it goes back to as it stands on that project's page, with arrow and comments,
indented or not:

\`\`\`sh
curl -X PUT 'localhost:8787/experiments/plan?dataset=mine' -H content-type:text/yaml --data-binary @config.yaml
npm run easel -- create plan --dataset mine --config config.yaml
npm run easel -- preflight config.yaml --card rtx-4090
\`\`\`

\`config.yaml\` of that page is [here](../configs/seed-block/block.yaml). In a body of JSON, \`config\` takes the same text,
or the same keys as an object. The answer has the translated config under \`effective_config\`, and under \`translated\`
what became of each key. A key that the original project does not have, or a value that makes no sense, is an error.

- What the block leaves out is as in the recipe \`seed\` ([presets.md](presets.md)). The size of the pictures is the
  dataset's.
- Patches of 2 pixels are refused above 64 pixels, with figures, and patches of 16 are offered: at 1,024 pixels they are
  262,144 tokens.
- \`mixed_precision\`, \`batch_size\` and \`gradient_checkpointing\` belong to the engine. A request may name another
  engine, and a machine whose engines compute in f32 alone trains in f32; the answer says so.

| key | value | becomes |
| --- | ----- | ------- |
${[
  ...mapped.map(({ from, value, to, why }) => row(from, value, `${keysOf(to)}${why === undefined ? '' : `: ${why}`}`)),
  ...ignored.map(({ from, value, reason }) => row(from, value, `ignored: ${reason}`)),
].join('\n')}

A YAML body may have a config of Easel, too: the query has \`dataset\` and \`engine\`.
This page is made by \`node tools/make-seed-table.ts\`.
`;
}

const row = (from: string, value: unknown, becomes: string) => `| \`${from}\` | \`${show(value)}\` | ${becomes} |`;

const keysOf = (to: Readonly<Record<string, unknown>>) =>
  Object.entries(to)
    .map(([key, value]) => `\`${key}: ${show(value)}\``)
    .join(', ');

const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

if (import.meta.main) writeFileSync(PAGE, formatSeedTable());
