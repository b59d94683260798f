/**
 * @file Keeps programs that ONNX Runtime has optimized on disk: they open in a fraction of the time. An unreadable
 * program is compiled again, and a failed write is ignored.
 */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { platform } from 'node:os';
import { reverseNodes } from '../../compiler/targets/onnx/model.ts';
import { identifyCpu } from '../cpu-info.ts';
import { ProgramStore } from '../program-store.ts';
import { ort } from './runtime.ts';

type SessionOptions = ort.InferenceSession.SessionOptions;

/** Smaller programs compile faster than a lookup takes. */
const SMALLEST_BYTES = 64 * 1024;
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
  const store = new ProgramStore(folder, SUFFIX);
  const key = keyOf(program, options);
  return (await openOptimized(await store.read(key), options)) ?? (await compileInto(store, key, program, options));
}

async function openOptimized(
  optimized: Uint8Array | undefined,
  options: SessionOptions,
): Promise<ort.InferenceSession | undefined> {
  if (optimized === undefined) return undefined;
  try {
    return await ort.InferenceSession.create(optimized, { ...options, graphOptimizationLevel: 'disabled' });
  } catch {
    // The caller compiles the program again and replaces the file.
    return undefined;
  }
}

async function compileInto(
  store: ProgramStore,
  key: string,
  program: Uint8Array,
  options: SessionOptions,
): Promise<ort.InferenceSession> {
  if (!(await store.prepare())) return ort.InferenceSession.create(program, options);
  const temporary = store.temporaryPath();
  try {
    const session = await createSaving(program, options, temporary);
    // ONNX Runtime saves nodes in the order in which it runs them. Reversed, they have the order of the original
    // program: see `lastFirst` in compiler/targets/onnx/emitter.ts.
    const optimized = await readFile(temporary).then(reverseNodes, () => undefined);
    if (optimized !== undefined) await store.write(key, optimized);
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
