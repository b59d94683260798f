// Plain JavaScript, for the system's own Node of any age: brings the locked packages, Node 24 among them, into a fresh clone.
// `node tools/install.js FILE ...` then runs FILE, with the words after it, by a Node that runs TypeScript.
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { endWithWrapper, isRecent, ownNode, root, run, runInstead } from '../bin/own-node.js';

const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');
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

endWithWrapper();
if (!isCurrent()) {
  console.log('easel: installing packages from the lockfile (about 700 MB, once) ...');
  process.chdir(root);
  const { code } = await run('npm', ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error']);
  if (code !== 0) process.exit(code ?? 1);
}
if (!isRecent() && !existsSync(ownNode)) {
  console.error(
    bringsNode
      ? `easel: npm could not bring Node 24, and this is ${process.version}: start this again, or install Node 22.18 or newer.`
      : `easel: this is Node ${process.version}: install Node 22.18 or newer (Linux x64 gets it with the packages).`,
  );
  process.exit(1);
}

const [file, ...words] = process.argv.slice(2);
if (file !== undefined && existsSync(ownNode) && realpathSync(ownNode) !== realpathSync(process.execPath)) {
  await runInstead(ownNode, process.argv.slice(1));
} else if (file !== undefined) {
  process.argv.splice(1, process.argv.length, resolve(file), ...words);
  await import(pathToFileURL(resolve(file)).href);
}
