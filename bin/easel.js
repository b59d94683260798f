#!/usr/bin/env node
// Plain JavaScript: an older system Node re-executes this command with the Node 24 that the clone brings along.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endWithWrapper, isRecent, ownNode, root, runInstead } from './own-node.js';

// citty reads this variable when it is loaded, and would colour its help in a pipe, too.
if (!process.stdout.isTTY) process.env.NO_COLOR ??= '1';
endWithWrapper();

if (process.platform === 'win32') {
  console.error(
    'easel: native Windows is not supported; run it inside WSL2 (https://learn.microsoft.com/windows/wsl).',
  );
  process.exit(1);
} else if (isRecent()) {
  await import('../cli/main.ts');
} else if (existsSync(ownNode)) {
  await runInstead(ownNode, [fileURLToPath(import.meta.url), ...process.argv.slice(2)]);
} else {
  console.error(
    `easel: Node >= 22.18 is needed and this is ${process.version}. Run "npm ci" in ${root}: on Linux x64 it brings Node 24 along.`,
  );
  process.exit(1);
}
