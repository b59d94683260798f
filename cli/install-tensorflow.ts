/** @file Installs a native package of TensorFlow.js by npm, into a folder of its own in the cache folder. */
import { existsSync } from 'node:fs';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { TENSORFLOW_VERSION, type TensorflowPackage, tensorflowFolder } from '../configs/tensorflow-packages.ts';
import { Unprocessable } from '../errors.ts';
import { runCommand } from './run-command.ts';
import { fillFolder } from './unfinished-folder.ts';

export interface TensorflowOptions {
  readonly cacheFolder: string;
  readonly log: (line: string) => void;
  /** Stops npm. */
  readonly signal?: AbortSignal;
  /** Environment of npm; default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

const CORE = '@tensorflow/tfjs-core';

const lockSchema = z.object({ packages: z.record(z.string(), z.object({ integrity: z.string().optional() })) });

/**
 * Does nothing if the package is installed.
 * @returns The folder. @throws Unprocessable if npm fails, the package is not the pinned one, or its own download does
 * not succeed; nothing is left behind then.
 */
export async function installTensorflow(pinned: TensorflowPackage, options: TensorflowOptions): Promise<string> {
  const { cacheFolder, log, signal, env = process.env } = options;
  const folder = tensorflowFolder(cacheFolder);
  const isInstalled = () => existsSync(join(folder, 'node_modules', pinned.name, 'package.json'));
  const name = `${pinned.name} ${TENSORFLOW_VERSION}`;
  if (isInstalled()) {
    log(`${name} is installed: ${folder}`);
    return folder;
  }
  log(`installing ${name} by npm into ${folder}`);
  await fillFolder(folder, isInstalled, async temporary => {
    await writeFile(join(temporary, 'package.json'), '{ "private": true }\n');
    const npm = async (args: readonly string[], failure: string, expected: string) => {
      const { code, said } = await runCommand('npm', args, { env, signal, cwd: temporary });
      signal?.throwIfAborted();
      if (code !== 0) throw new Unprocessable(`${failure}: ${findCause(said)}`, { expected });
    };
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const wanted = `${pinned.name}@${TENSORFLOW_VERSION}`;
    // No script runs before the package is known to be the pinned one.
    await npm(
      ['install', '--ignore-scripts', ...quiet, wanted],
      `${name} could not be installed`,
      'npm, and its registry',
    );
    await requireIntegrity(temporary, pinned);
    log('downloading libtensorflow 2.9.1, by the install script of the package, from storage.googleapis.com');
    const failure = `the native part of ${name} could not be installed`;
    await npm(['rebuild', ...quiet, pinned.name], failure, 'access to storage.googleapis.com');
    await shareCore(temporary);
  });
  log(`${name} is installed${pinned.needs === undefined ? '' : `; it needs ${pinned.needs}`}`);
  log('its native part is built for Node-API 8, which this Node has; `easel engines` says whether it works');
  return folder;
}

async function requireIntegrity(folder: string, { name, integrity }: TensorflowPackage): Promise<void> {
  const lock = lockSchema.parse(JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')));
  const found = lock.packages[`node_modules/${name}`]?.integrity;
  if (found === integrity) return;
  throw new Unprocessable(`${name} has the wrong integrity ${found ?? '(none)'} and was not installed`, {
    expected: integrity,
  });
}

/** Kernels register with the instance of tfjs-core that loads them. It must be the one of the engine. */
async function shareCore(folder: string): Promise<void> {
  const own = dirname(createRequire(import.meta.url).resolve(`${CORE}/package.json`));
  const copy = join(folder, 'node_modules', CORE);
  await rm(copy, { recursive: true, force: true });
  await symlink(own, copy, 'dir');
}

/** The line of npm's report that names the error, or its last line. */
function findCause(said: string): string {
  const lines = said.split('\n').map(line => line.replace(/^npm (?:error|ERR!)\s*/, '').trim());
  return (
    lines.find(line => /^\w*Error: /.test(line)) ?? lines.filter(line => line !== '').at(-1) ?? 'npm gave no reason'
  );
}
