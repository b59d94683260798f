/** @file The `easel` command. */
import { runMain } from 'citty';
import { nearestName } from '../configs/suggest.ts';
import { InvalidInput } from '../errors.ts';
import { describeError } from './command-error.ts';
import { easelCommand, subCommands } from './command-tree.ts';
import { showUsage } from './show-usage.ts';

const [word = ''] = process.argv.slice(2);
if (word === '' || word.startsWith('-') || Object.hasOwn(subCommands, word)) {
  await runMain(easelCommand, { showUsage });
} else {
  const known = Object.keys(subCommands);
  const nearest = nearestName(word, known);
  const hint = nearest === undefined ? 'see `easel --help`' : `did you mean \`easel ${nearest}\`?`;
  console.error(describeError(new InvalidInput(`there is no command "${word}"`, { expected: known.join(', '), hint })));
  process.exitCode = 1;
}
