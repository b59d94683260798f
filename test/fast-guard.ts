/**
 * @file Set-up of fast test files. A file that starts a process, loads a native engine or replaces a module fails; the
 * error says the new name. Fast files share a worker and its modules, so a replaced module would reach other files.
 */
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, vi } from 'vitest';
import { SLOW_TIERS, type SlowTier } from './speed-tiers.ts';

const STARTERS = ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const;
const MOCKS = ['mock', 'doMock'] as const;
/** Paths of native modules that are refused. `sharp` is native, too, and loads in milliseconds. */
const ENGINES = /[/\\](onnxruntime-node|koffi|@koromix|@tensorflow)[/\\]/;
/** A worker runs many fast files, and its process is changed once. */
const DEEDS = Symbol.for('easel.fast-guard.deeds');

/** What the current file did against the rule. Code under test may catch the error, so it is noted, too. */
const deeds: string[] = Reflect.get(globalThis, DEEDS) ?? changeProcess();
// A file that fails while it is loaded leaves its deed to the next file.
takeDeeds();

/** Returns the deeds so far and forgets them. */
export function takeDeeds(): string[] {
  return deeds.splice(0);
}

function changeProcess(): string[] {
  const noted: string[] = [];
  Reflect.set(globalThis, DEEDS, noted);
  const refuse = (tier: SlowTier, deed: string): never => {
    const message = `a fast test file ${SLOW_TIERS[tier]} (${deed}): move the test to a file named *.${tier}.test.ts`;
    noted.push(message);
    throw new Error(message);
  };
  const refusals = STARTERS.map(name => [name, (program: unknown) => refuse('process', `${name} ${program}`)]);
  Object.assign(childProcess, Object.fromEntries(refusals));
  syncBuiltinESMExports();
  const load = process.dlopen;
  process.dlopen = (module, filename, ...flags) => {
    if (ENGINES.test(filename)) refuse('engine', filename);
    load(module, filename, ...flags);
  };
  Object.assign(
    vi,
    Object.fromEntries(MOCKS.map(name => [name, (path: unknown) => refuse('mock', `vi.${name} ${path}`)])),
  );
  return noted;
}

afterAll(() => {
  const [first] = takeDeeds();
  if (first !== undefined) throw new Error(first);
});
