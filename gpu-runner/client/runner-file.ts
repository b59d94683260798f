/**
 * @file The file (mode 0600) in which a gpu-runner started alone leaves address and secret for clients of the same
 * user.
 */
import { chmod, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeFolders } from '../../configs/make-folders.ts';

const runnerFileSchema = z.strictObject({
  v: z.literal(1),
  address: z.url(),
  secret: z.string().min(16),
  pid: z.int().positive(),
});
export type RunnerFile = z.infer<typeof runnerFileSchema>;

const FOLDER = 'runners';

/** Writes the file of a device; replaces the file of an earlier start. */
export async function writeRunnerFile(
  cacheFolder: string,
  device: string,
  content: Omit<RunnerFile, 'v'>,
): Promise<void> {
  const folder = join(cacheFolder, FOLDER);
  await makeFolders(folder, { mode: 0o700 });
  const path = join(folder, `${device}.json`);
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, `${JSON.stringify({ v: 1, ...content })}\n`, { mode: 0o600 });
  // An old temporary file of this pid would keep its mode.
  await chmod(temporary, 0o600);
  await rename(temporary, path);
}

/** Removes the file, unless another process has replaced it. */
export async function removeRunnerFile(cacheFolder: string, device: string): Promise<void> {
  const path = join(cacheFolder, FOLDER, `${device}.json`);
  const content = await readOne(path);
  if (content?.pid === process.pid) await rm(path, { force: true });
}

/** Reads the files of all gpu-runners that this user started alone. Skips files of another version, or cut short. */
export async function readRunnerFiles(cacheFolder: string): Promise<readonly RunnerFile[]> {
  const folder = join(cacheFolder, FOLDER);
  const names = await readdir(folder).catch(() => []);
  const files = await Promise.all(
    names.filter(name => name.endsWith('.json')).map(name => readOne(join(folder, name))),
  );
  return files.filter(file => file !== undefined);
}

async function readOne(path: string): Promise<RunnerFile | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  try {
    return runnerFileSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
