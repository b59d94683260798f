import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EnginePackage, type EngineWheel, enginePackageFolder } from '../configs/engine-packages.ts';
import { packZip } from '../formats/testing/pack-zip.ts';
import { type InstallOptions, installEngine } from './install-engine.ts';

const bytes = packZip([
  ['thing/libs/libthing.so', 'a library', 'deflated'],
  ['thing/libs/tool', 'a program', 'stored', 0o744],
  ['thing/libs/more/data', 'data', 'stored'],
  ['thing/python.py', 'not needed', 'stored'],
]);
const pinned = packageOf(bytes);

function packageOf(wheel: Uint8Array): EnginePackage {
  return {
    name: 'thing',
    version: '1.2',
    license: 'MIT',
    size: 1,
    library: 'thing/libs/libthing.so',
    wheels: {
      'linux-x64': [wheelOf('thing', wheel)],
    },
  };
}

function wheelOf(project: string, wheel: Uint8Array): EngineWheel {
  const sha256 = createHash('sha256').update(wheel).digest('hex');
  return { project, version: '1.2', file: `${project}-1.2.whl`, sha256, select: [], keep: ['thing/libs/'] };
}

let cacheFolder = '';
let downloads = 0;
beforeEach(async () => {
  cacheFolder = await mkdtemp(join(tmpdir(), 'easel-install-'));
  downloads = 0;
});
afterEach(() => rm(cacheFolder, { recursive: true, force: true }));

function optionsWith(changes: Partial<InstallOptions> = {}, served = bytes): InstallOptions {
  return {
    cacheFolder,
    log: () => {},
    platform: 'linux-x64',
    async download(wheel, folder) {
      downloads += 1;
      await writeFile(join(folder, wheel.file), served);
    },
    ...changes,
  };
}

/** Paths of all files below the cache folder. */
async function listFiles(): Promise<string[]> {
  const entries = await readdir(cacheFolder, { recursive: true, withFileTypes: true });
  return entries
    .flatMap(entry => (entry.isFile() ? [join(entry.parentPath, entry.name).slice(cacheFolder.length + 1)] : []))
    .sort();
}

const INSTALLED = ['libthing.so', 'more/data', 'tool'].map(name => `engines/thing/1.2/thing/libs/${name}`);

describe('installEngine', () => {
  it('installEngine unpacks the listed files and leaves nothing else; called again, it does nothing', async () => {
    const library = await installEngine(pinned, optionsWith());
    expect(await readFile(library, 'utf8')).toBe('a library');
    expect(await listFiles()).toEqual(INSTALLED);
    expect(await installEngine(pinned, optionsWith())).toBe(library);
    expect(downloads).toBe(1);
  });

  it('installEngine installs from a wheel on this machine and refuses a wheel with another sha256', async () => {
    const wheel = join(cacheFolder, 'mine.whl');
    await writeFile(wheel, bytes);
    await installEngine(pinned, optionsWith({ wheel }));
    expect([downloads, await listFiles()]).toEqual([0, [...INSTALLED, 'mine.whl']]);
    await expect(
      installEngine(packageOf(new Uint8Array(1)), { ...optionsWith({ wheel }), cacheFolder: join(cacheFolder, 'b') }),
    ).rejects.toThrow(/mine.whl has the wrong sha256 .*not unpacked/);
  });

  it('installEngine goes on after a kill with the downloaded wheel, and replaces a folder without the library', async () => {
    const kept = join(cacheFolder, 'engines/downloads');
    await mkdir(kept, { recursive: true });
    await writeFile(join(kept, 'thing-1.2.whl'), bytes);
    const folder = enginePackageFolder(cacheFolder, pinned);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'half'), 'left over');
    await installEngine(pinned, optionsWith());
    expect([downloads, await listFiles()]).toEqual([0, INSTALLED]);
  });

  it('installEngine downloads a truncated wheel again, and refuses a wrong wheel without leaving a file', async () => {
    const kept = join(cacheFolder, 'engines/downloads');
    await mkdir(kept, { recursive: true });
    await writeFile(join(kept, 'thing-1.2.whl'), bytes.subarray(0, 50));
    await expect(
      installEngine(pinned, optionsWith({}, packZip([['thing/libs/libthing.so', 'evil', 'stored']]))),
    ).rejects.toThrow('not unpacked');
    expect(existsSync(enginePackageFolder(cacheFolder, pinned))).toBe(false);
    await installEngine(pinned, optionsWith());
    expect(await listFiles()).toEqual(INSTALLED);
  });

  it('installEngine unpacks all wheels into one folder, and a program in it may be executed', async () => {
    const more = packZip([['thing/libs/second', 'of another wheel', 'stored']]);
    const both = { ...pinned, wheels: { 'linux-x64': [wheelOf('thing', bytes), wheelOf('more', more)] } };
    const wheels = join(cacheFolder, 'mine');
    await mkdir(wheels);
    await writeFile(join(wheels, 'thing-1.2.whl'), bytes);
    await expect(installEngine(both, optionsWith({ wheel: wheels }))).rejects.toThrow('no wheel at');
    await writeFile(join(wheels, 'more-1.2.whl'), more);
    const library = await installEngine(both, optionsWith({ wheel: wheels }));
    expect(await readFile(join(dirname(library), 'second'), 'utf8')).toBe('of another wheel');
    expect((await stat(join(dirname(library), 'tool'))).mode & 0o777).toBe(0o755);
    expect((await stat(library)).mode & 0o111).toBe(0);
    expect(downloads).toBe(0);
  });

  it('installEngine goes on after a failed download with the wheels that it has, and removes what a kill left', async () => {
    const more = packZip([['thing/libs/second', 'of another wheel', 'stored']]);
    const both = { ...pinned, wheels: { 'linux-x64': [wheelOf('thing', bytes), wheelOf('more', more)] } };
    await expect(installEngine(both, optionsWith())).rejects.toThrow('wrong sha256');
    expect([downloads, await listFiles()]).toEqual([2, ['engines/downloads/thing-1.2.whl']]);
    const [dead, alive] = [999_999_999, process.pid].map(pid =>
      ['engines/thing/1.2.tmp', 'engines/downloads/pip'].map(start => join(cacheFolder, `${start}-${pid}-a`)),
    );
    for (const each of [...(dead ?? []), ...(alive ?? [])]) await mkdir(each);
    await installEngine(both, optionsWith({}, more));
    expect([downloads, dead?.map(existsSync), alive?.map(existsSync)]).toEqual([3, [false, false], [true, true]]);
  });

  it('installEngine installs once if two calls run at once', async () => {
    await Promise.all([installEngine(pinned, optionsWith()), installEngine(pinned, optionsWith())]);
    expect(await listFiles()).toEqual(INSTALLED);
  });

  it('installEngine says which part is missing: a wheel for the platform, the file, or the library in it', async () => {
    await expect(installEngine(pinned, optionsWith({ platform: 'plan9-mips' }))).rejects.toThrow('for plan9-mips');
    await expect(installEngine(pinned, optionsWith({ wheel: '/nowhere.whl' }))).rejects.toThrow('no wheel at');
    const empty = packZip([['thing/libs/other', 'x', 'stored']]);
    await expect(installEngine(packageOf(empty), optionsWith({}, empty))).rejects.toThrow(
      'no wheel of thing has thing/libs/libthing.so',
    );
  });
});
