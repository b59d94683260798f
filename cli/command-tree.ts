/** @file All commands below `easel`. */
import { defineCommand } from 'citty';
import packageJson from '../package.json' with { type: 'json' };
import { ablateCommand } from './commands/ablate.ts';
import { callCommand } from './commands/call.ts';
import { checkMemorizationCommand } from './commands/check-memorization.ts';
import { createCommand } from './commands/create.ts';
import { diffCommand } from './commands/diff.ts';
import { enginesCommand } from './commands/engines.ts';
import { evaluateCommand } from './commands/evaluate.ts';
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
import { validateCommand } from './commands/validate.ts';
import { verifyCommand } from './commands/verify.ts';
import { verifyResumeCommand } from './commands/verify-resume.ts';
import { whyCommand } from './commands/why.ts';

export const subCommands = {
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
  validate: validateCommand,
  evaluate: evaluateCommand,
  'check-memorization': checkMemorizationCommand,
  report: reportCommand,
  preflight: preflightCommand,
  gc: gcCommand,
  verify: verifyCommand,
  'verify-resume': verifyResumeCommand,
  reproduce: reproduceCommand,
  why: whyCommand,
  store: storeCommand,
};

export const easelCommand = defineCommand({
  meta: { name: 'easel', version: packageJson.version, description: packageJson.description },
  subCommands,
});
