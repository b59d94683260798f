import { stripVTControlCharacters } from 'node:util';
import { type CommandDef, renderUsage } from 'citty';
import { expect, test } from 'vitest';
import { fitUsage } from './show-usage.ts';

const command: CommandDef = {
  meta: { name: 'draw', description: 'draw a picture of what the words say, and put it into a file' },
  args: {
    file: { type: 'positional', description: 'file to write' },
    seed: { type: 'string', valueHint: 'N', description: 'seed of the noise, the same picture for the same number' },
    json: { type: 'boolean', alias: 'j', description: 'print JSON' },
  },
};

async function usageOf(columns?: number): Promise<string> {
  return stripVTControlCharacters(fitUsage(await renderUsage(command), columns));
}

test('without a terminal the rows of a help are single lines without blanks at the end', async () => {
  expect(await usageOf()).toMatchInlineSnapshot(`
    "draw a picture of what the words say, and put it into a file (draw)

    USAGE draw [OPTIONS] <FILE>

    ARGUMENTS

      FILE    file to write (Required)

    OPTIONS

      --seed=<N>    seed of the noise, the same picture for the same number
      -j, --json    print JSON
    "
  `);
});

test('on a terminal a description goes on below itself', async () => {
  expect(await usageOf(44)).toMatchInlineSnapshot(`
    "draw a picture of what the words say, and
    put it into a file (draw)

    USAGE draw [OPTIONS] <FILE>

    ARGUMENTS

      FILE    file to write (Required)

    OPTIONS

      --seed=<N>    seed of the noise, the same
                    picture for the same number
      -j, --json    print JSON
    "
  `);
});

test('colours do not count as columns', async () => {
  const row = `  \u001b[36m--seed=<N>\u001b[39m    ${'word '.repeat(8)}\u001b[90m(Required)\u001b[39m`;
  expect(stripVTControlCharacters(fitUsage(row, 40)).split('\n')).toEqual([
    '  --seed=<N>    word word word word word',
    '                word word word',
    '                (Required)',
  ]);
});

test('a terminal of few columns leaves the rows whole', () => {
  expect(fitUsage('  --accept-licence    accept the licence of a model', 30)).toBe(
    '  --accept-licence    accept the licence of a model',
  );
});
