/** @file The `easel` command. */
import { defineCommand, runMain } from 'citty';
import { nearestName } from '../configs/suggest.ts';
import { InvalidInput } from '../errors.ts';
import packageJson from '../package.json' with { type: 'json' };
import { describeError } from './command-error.ts';
import { ablateCommand } from './commands/ablate.ts';
import { callCommand } from './commands/call.ts';
import { createCommand } from './commands/create.ts';
import { diffCommand } from './commands/diff.ts';
import { enginesCommand } from './commands/engines.ts';
import { branchCommand, deleteCommand, pauseCommand, pinCommand } from './commands/experiments.ts';
import { exportCommand } from './commands/export.ts';
import { gcCommand } from './commands/gc.ts';
import { modelsCommand } from './commands/models.ts';
import { preflightCommand } from './commands/preflight.ts';
import { prepareCommand } from './commands/prepare.ts';
import { reportCommand } from './commands/report.ts';
import { reproduceCommand } from './commands/reproduce.ts';
import { setsCommand } from './commands/sets.ts';
import { shardCommand } from './commands/shard.ts';
import { statusCommand } from './commands/status.ts';
import { storeCommand } from './commands/store.ts';
import { sweepCommand } from './commands/sweep.ts';
import { upCommand } from './commands/up.ts';
import { verifyCommand } from './commands/verify.ts';
import { verifyResumeCommand } from './commands/verify-resume.ts';
import { whyCommand } from './commands/why.ts';

const subCommands = {
  up: upCommand,
  status: statusCommand,
  engines: enginesCommand,
  models: modelsCommand,
  sets: setsCommand,
  prepare: prepareCommand,
  call: callCommand,
  create: createCommand,
  pause: pauseCommand,
  branch: branchCommand,
  pin: pinCommand,
  delete: deleteCommand,
  export: exportCommand,
  ablate: ablateCommand,
  sweep: sweepCommand,
  shard: shardCommand,
  diff: diffCommand,
  report: reportCommand,
  preflight: preflightCommand,
  gc: gcCommand,
  verify: verifyCommand,
  'verify-resume': verifyResumeCommand,
  reproduce: reproduceCommand,
  why: whyCommand,
  store: storeCommand,
};

const main = defineCommand({
  meta: { name: 'easel', version: packageJson.version, description: packageJson.description },
  subCommands,
});

const [word = ''] = process.argv.slice(2);
if (word === '' || word.startsWith('-') || Object.hasOwn(subCommands, word)) {
  await runMain(main);
} else {
  const known = Object.keys(subCommands);
  const nearest = nearestName(word, known);
  const hint = nearest === undefined ? 'see `easel --help`' : `did you mean \`easel ${nearest}\`?`;
  console.error(describeError(new InvalidInput(`there is no command "${word}"`, { expected: known.join(', '), hint })));
  process.exitCode = 1;
}
