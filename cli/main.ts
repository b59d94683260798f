/** @file The `easel` command. */
import { runMain } from 'citty';
import { nearestName } from '../configs/suggest.ts';
import { InvalidInput } from '../errors.ts';
import { describeError } from './command-error.ts';
import { easelCommand, subCommands } from './command-tree.ts';
import { showUsage } from './show-usage.ts';

/** What does the work of commands that people look for. */
const INSTEAD = new Map(
  Object.entries({
    train: 'train by `easel call train experiment=NAME`',
    resume: 'go on by `easel call train experiment=NAME`',
    sample: 'draw a picture by POST /sample, or on the web page of the server',
    import: '`easel prepare FOLDER` runs all stages; the first one alone is `easel call import`',
    list: '`easel status` lists the experiments',
    start: 'did you mean `easel up`?',
  }),
);

const words = process.argv.slice(2);
const [word = ''] = words;
if (word === 'help') {
  await runMain(easelCommand, { showUsage, rawArgs: [...words.slice(1), '--help'] });
} else if (word === '' || word.startsWith('-') || Object.hasOwn(subCommands, word)) {
  await runMain(easelCommand, { showUsage });
} else {
  const known = Object.keys(subCommands);
  const nearest = nearestName(word, known);
  const advice = nearest === undefined ? 'see `easel --help`' : `did you mean \`easel ${nearest}\`?`;
  const hint = INSTEAD.get(word) ?? advice;
  console.error(describeError(new InvalidInput(`there is no command "${word}"`, { expected: known.join(', '), hint })));
  process.exitCode = 1;
}
