import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildMinio, findMinio, findOrBuildMinio, MINIO_VERSION } from './binary.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-minio-binary-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function writeProgram(path: string, script: string): Promise<void> {
  await mkdir(join(folder, path, '..'), { recursive: true });
  await writeFile(join(folder, path), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, path), 0o755);
}

/** With the programs of `bin` before those of the system, and nothing else of ours. */
function environment(changes: Readonly<Record<string, string>> = {}) {
  return { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, EASEL_CACHE: join(folder, 'cache'), ...changes };
}

const built = () => join(folder, 'cache', 'minio', MINIO_VERSION, 'minio');
const said: string[] = [];
const log = (line: string) => void said.push(line);

test('EASEL_MINIO comes before the PATH, the PATH before a build; a file that cannot run is skipped', async () => {
  const env = environment();
  expect(await findMinio(env)).toBeUndefined();
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'minio'), 'no program');
  expect(await findMinio(env)).toBeUndefined();
  await writeProgram(join('cache', 'minio', MINIO_VERSION, 'minio'), 'exit 0');
  expect(await findMinio(env)).toBe(built());
  await writeProgram(join('bin', 'minio'), 'exit 0');
  expect(await findMinio(env)).toBe(join(folder, 'bin', 'minio'));
  expect(await findMinio({ ...env, EASEL_MINIO: '/opt/minio' })).toBe('/opt/minio');
});

test('Go builds the pinned version into the cache, once', async () => {
  await writeProgram(
    join('bin', 'go'),
    `echo "$@" >> ${folder}/asked; echo minio/cmd >&2; echo built > "$GOBIN/minio"; chmod +x "$GOBIN/minio"`,
  );
  expect(await findOrBuildMinio(log, environment())).toBe(built());
  expect(await findOrBuildMinio(log, environment())).toBe(built());
  expect(await readFile(join(folder, 'asked'), 'utf8')).toBe(
    `install -v -trimpath github.com/minio/minio@${MINIO_VERSION}\n`,
  );
  expect(said.join('\n')).toContain('two minutes');
  expect(await readdir(join(built(), '..'))).toEqual(['minio']);
});

test('a failed build shows Go’s last lines and leaves no file; folders of killed builds are swept', async () => {
  const stale = join(built(), '..', 'build-killed');
  await mkdir(stale, { recursive: true });
  await utimes(stale, 0, 0);
  await writeProgram(join('bin', 'go'), 'echo half > "$GOBIN/minio"; echo "go: no such module" >&2; exit 1');
  await expect(buildMinio(log, environment())).rejects.toThrow('building MinIO failed: go: no such module');
  expect(await readdir(join(built(), '..'))).toEqual([]);
});

test('without Go, the error names the alternatives', async () => {
  const env = environment({ PATH: join(folder, 'bin') });
  await expect(findOrBuildMinio(log, env)).rejects.toMatchObject({
    message: 'this machine has neither a minio binary nor Go to build one',
    hint: expect.stringContaining('object-stores.md'),
  });
});
