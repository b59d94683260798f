/**
 * @file Keeps programs that ONNX Runtime has optimized on disk: they open in a fraction of the time. An unreadable
 * program is compiled again, and a failed write is ignored.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { reverseNodes } from '../../compiler/targets/onnx/model.ts';
import { identifyCpu } from '../cpu-info.ts';
import { ort } from './runtime.ts';

type SessionOptions = ort.InferenceSession.SessionOptions;

/** Smaller programs compile faster than a lookup takes. */
const SMALLEST_BYTES = 64 * 1024;
/** Number of programs kept; the least recently used are deleted. */
const MOST_PROGRAMS = 64;
const DIGEST_BYTES = 32;
const SUFFIX = '.program';

/** Digest of the program and of all else that decides the optimized one: options, versions, platform and CPU. */
function keyOf(program: Uint8Array, options: SessionOptions): string {
  const versions = [1, ort.env.versions.common, ort.env.versions.node, platform(), identifyCpu()];
  return createHash('sha256')
    .update(JSON.stringify([versions, options]))
    .update(program)
    .digest('hex');
}

/**
 * Opens a session for ONNX bytes, from `folder` if an earlier session had the same bytes and options.
 * @throws Error if ONNX Runtime refuses the program.
 */
export async function openSession(
  program: Uint8Array,
  options: SessionOptions,
  folder: string | undefined,
): Promise<ort.InferenceSession> {
  if (folder === undefined || program.length < SMALLEST_BYTES) return ort.InferenceSession.create(program, options);
  const path = join(folder, `${keyOf(program, options)}${SUFFIX}`);
  return (await openOptimized(path, options)) ?? (await compileInto(path, folder, program, options));
}

async function openOptimized(path: string, options: SessionOptions): Promise<ort.InferenceSession | undefined> {
  const optimized = await readVerified(path);
  if (optimized === undefined) return undefined;
  try {
    const session = await ort.InferenceSession.create(optimized, { ...options, graphOptimizationLevel: 'disabled' });
    await utimes(path, new Date(), new Date()).catch(() => {});
    return session;
  } catch {
    // The caller compiles the program again and replaces the file.
    return undefined;
  }
}

/** The file without its leading digest; undefined if the file is missing or its digest is wrong. */
async function readVerified(path: string): Promise<Uint8Array | undefined> {
  const file = await readFile(path).catch(() => undefined);
  if (file === undefined) return undefined;
  const body = file.subarray(DIGEST_BYTES);
  return createHash('sha256').update(body).digest().equals(file.subarray(0, DIGEST_BYTES)) ? body : undefined;
}

async function compileInto(
  path: string,
  folder: string,
  program: Uint8Array,
  options: SessionOptions,
): Promise<ort.InferenceSession> {
  const temporary = join(folder, `${randomUUID()}.tmp`);
  const canWrite = await mkdir(folder, { recursive: true }).then(
    () => true,
    () => false,
  );
  if (!canWrite) return ort.InferenceSession.create(program, options);
  try {
    const session = await createSaving(program, options, temporary);
    await publish(temporary, path, folder).catch(() => {});
    return session;
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Opens a session and saves its program. If saving fails, for example on a full disk, only opens it. */
async function createSaving(program: Uint8Array, options: SessionOptions, path: string): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(program, { ...options, optimizedModelFilePath: path });
  } catch {
    return ort.InferenceSession.create(program, options);
  }
}

/**
 * ONNX Runtime saves nodes in the order in which it runs them. Reversed, they have the order of the original program:
 * see `lastFirst` in compiler/targets/onnx/emitter.ts.
 */
async function publish(temporary: string, path: string, folder: string): Promise<void> {
  const optimized = reverseNodes(await readFile(temporary));
  const digest = createHash('sha256').update(optimized).digest();
  await writeFile(temporary, Buffer.concat([digest, optimized]));
  await rename(temporary, path);
  await evict(folder);
}

async function evict(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter(name => name.endsWith(SUFFIX));
  if (names.length <= MOST_PROGRAMS) return;
  const used = await Promise.all(names.map(async name => ({ name, time: (await stat(join(folder, name))).mtimeMs })));
  const oldest = used.sort((a, b) => a.time - b.time).slice(0, names.length - MOST_PROGRAMS);
  await Promise.all(oldest.map(({ name }) => rm(join(folder, name), { force: true })));
}
