#!/usr/bin/env node
// Plain JavaScript: an older system Node re-executes this command with the Node 24 that the clone brings along.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// citty reads this variable when it is loaded, and would colour its help in a pipe, too.
if (!process.stdout.isTTY) process.env.NO_COLOR ??= '1';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split('.').map(Number);

if (process.platform === 'win32') {
  console.error(
    'easel: native Windows is not supported; run it inside WSL2 (https://learn.microsoft.com/windows/wsl).',
  );
  process.exit(1);
} else if (major > 22 || (major === 22 && minor >= 18)) {
  await import('../cli/main.ts');
} else {
  const own = join(root, 'node_modules', '.bin', 'node');
  if (!existsSync(own)) {
    console.error(
      `easel: Node >= 22.18 is needed and this is ${process.version}. Run "npm ci" in ${root}: on Linux x64 it brings Node 24 along.`,
    );
    process.exit(1);
  }
  const child = spawnSync(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  process.exit(child.status ?? 1);
}
