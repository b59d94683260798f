// Plain JavaScript, for the system's own Node of any age: brings the locked packages, Node 24 among them, into a fresh clone.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');
const ownNode = join(root, 'node_modules', '.bin', 'node');
/** The registry has Node 24 for these machines. */
const bringsNode = process.platform === 'linux' && process.arch === 'x64';

function isCurrent() {
  if (!existsSync(installed) || (bringsNode && !existsSync(ownNode))) return false;
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

/** TypeScript runs as it is from Node 22.18 on. */
function isOld() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major < 22 || (major === 22 && minor < 18);
}

if (!isCurrent()) {
  console.log('easel: installing packages from the lockfile (about 700 MB, once) ...');
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  });
}
if (isOld() && !existsSync(ownNode)) {
  console.error(
    bringsNode
      ? `easel: npm could not bring Node 24, and this is ${process.version}: start this again, or install Node 22.18 or newer.`
      : `easel: this is Node ${process.version}: install Node 22.18 or newer (Linux x64 gets it with the packages).`,
  );
  process.exit(1);
}
