/** @file The `easel` command. */
import { defineCommand, runMain } from 'citty';
import packageJson from '../package.json' with { type: 'json' };
import { callCommand } from './commands/call.ts';
import { enginesCommand } from './commands/engines.ts';
import { branchCommand, deleteCommand, pauseCommand, pinCommand } from './commands/experiments.ts';
import { gcCommand } from './commands/gc.ts';
import { statusCommand } from './commands/status.ts';
import { storeCommand } from './commands/store.ts';
import { upCommand } from './commands/up.ts';
import { verifyCommand } from './commands/verify.ts';

const main = defineCommand({
  meta: { name: 'easel', version: packageJson.version, description: packageJson.description },
  subCommands: {
    up: upCommand,
    status: statusCommand,
    engines: enginesCommand,
    call: callCommand,
    pause: pauseCommand,
    branch: branchCommand,
    pin: pinCommand,
    delete: deleteCommand,
    gc: gcCommand,
    verify: verifyCommand,
    store: storeCommand,
  },
});

await runMain(main);
