// Plain JavaScript, for the system's own Node of any age: brings the locked packages, Node 24 among them, into a fresh clone.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');

function isCurrent() {
  if (!existsSync(installed) || !existsSync(join(root, 'node_modules', '.bin', 'node'))) return false;
  if (statSync(installed).mtimeMs < statSync(lock).mtimeMs) return sameVersions();
  return true;
}

function sameVersions() {
  const wanted = JSON.parse(readFileSync(lock, 'utf8')).packages;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return (
    Object.keys(have).every(path => wanted[path]?.version === have[path].version) &&
    Object.keys(wanted).every(path => path === '' || wanted[path].optional || have[path])
  );
}

if (!isCurrent()) {
  console.log('easel: installing packages from the lockfile (about 700 MB, once) ...');
  execFileSync('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
}
