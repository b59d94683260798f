/**
 * @file The keys of a MinIO that `easel store up` runs: made once, kept beside its folder, readable by the owner only.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { makeFolders } from '../../configs/make-folders.ts';
import { Corrupt, NotFound } from '../../errors.ts';

const pairSchema = z.strictObject({ access_key: z.string().min(3), secret_key: z.string().min(8) });
/** A stored document has names in snake_case. */
const credentials = z.codec(pairSchema, z.strictObject({ accessKey: z.string(), secretKey: z.string() }), {
  decode: ({ access_key, secret_key }) => ({ accessKey: access_key, secretKey: secret_key }),
  encode: ({ accessKey, secretKey }) => ({ access_key: accessKey, secret_key: secretKey }),
});
const keysSchema = z.strictObject({
  v: z.literal(1),
  /** Keys of the administrator. */
  root: credentials,
  /** Keys of server and gpu-runner. */
  easel: credentials,
  /** Keys for reading the bucket. */
  browse: credentials,
  /** Address of the last start. */
  endpoint: z.string().optional(),
  /** Bucket of the last start. */
  bucket: z.string().optional(),
});
export type MinioKeys = z.infer<typeof keysSchema>;

export interface MinioCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Makes random credentials. */
export function makeCredentials(): MinioCredentials {
  return { accessKey: `easel-${randomBytes(6).toString('hex')}`, secretKey: randomBytes(24).toString('base64url') };
}

/** `data/minio.json` for the folder `data/minio`. */
export function keysPathOf(folder: string): string {
  return `${resolve(folder)}.json`;
}

/** Reads the keys, or makes new ones. @throws Corrupt if the file does not hold keys. */
export async function readOrMakeKeys(folder: string): Promise<MinioKeys> {
  const kept = await readKept(keysPathOf(folder));
  if (kept) return kept;
  const keys: MinioKeys = { v: 1, root: makeCredentials(), easel: makeCredentials(), browse: makeCredentials() };
  await writeKeys(folder, keys);
  return keys;
}

/** @throws NotFound if no MinIO was ever started on the folder. */
export async function readKeys(folder: string): Promise<MinioKeys> {
  const kept = await readKept(keysPathOf(folder));
  if (kept) return kept;
  throw new NotFound(`there are no keys at ${keysPathOf(folder)}`, {
    hint: 'start a MinIO with `easel store up minio`, or name its folder with --folder',
  });
}

/** Writes the file whole or not at all, readable by its owner only. */
export async function writeKeys(folder: string, keys: MinioKeys): Promise<void> {
  const path = keysPathOf(folder);
  await makeFolders(dirname(path));
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(keysSchema.encode(keys), undefined, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readKept(path: string): Promise<MinioKeys | undefined> {
  const text = await readFile(path, 'utf8').catch(error => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return keysSchema.decode(JSON.parse(text));
  } catch (cause) {
    throw new Corrupt(`${path} does not hold the keys of a MinIO`, {
      cause,
      hint: 'move the file away: the next start makes new keys, which open the same data',
    });
  }
}
