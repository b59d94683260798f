/**
 * @file The keys of the S3 endpoint over a folder store. They come from the environment or from a file in the folder,
 * which is made once and which only its owner can read. Server and command line read the same file, so neither asks the
 * other for a secret.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { link, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Corrupt, InvalidInput } from '../errors.ts';
import { makeFolders } from './make-folders.ts';
import { RESERVED_FOLDER } from './store-folder.ts';

export interface S3Keys {
  readonly accessKey: string;
  readonly secretKey: string;
}

const FILE = 's3-keys.json';
/** File mode: only the owner reads and writes. */
const MODE = 0o600;
const ACCESS_KEY_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const ACCESS_KEY_LENGTH = 20;
const SECRET_KEY_BYTES = 30;

const accessKeySchema = z.string().regex(/^[\w.-]{3,128}$/, 'expected 3 to 128 letters, digits, "_", "." or "-"');
const secretKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{16,256}$/, 'expected at least 16 ASCII characters without spaces');
const fileSchema = z.strictObject({ v: z.literal(1), access_key: accessKeySchema, secret_key: secretKeySchema });

/**
 * EASEL_S3_ACCESS_KEY and EASEL_S3_SECRET_KEY; undefined if both are unset.
 * @throws InvalidInput naming the wrong variable, without the secret.
 */
export function s3KeysOf(env: Readonly<Record<string, string | undefined>>): S3Keys | undefined {
  const { EASEL_S3_ACCESS_KEY: accessKey, EASEL_S3_SECRET_KEY: secretKey } = env;
  if (!accessKey && !secretKey) return undefined;
  const problems = [
    ...(accessKeySchema
      .safeParse(accessKey || undefined)
      .error?.issues.map(each => `EASEL_S3_ACCESS_KEY: ${each.message}`) ?? []),
    ...(secretKeySchema
      .safeParse(secretKey || undefined)
      .error?.issues.map(each => `EASEL_S3_SECRET_KEY: ${each.message}`) ?? []),
  ];
  if (problems.length > 0 || !accessKey || !secretKey) {
    throw new InvalidInput(`the keys of the S3 endpoint are wrong: ${problems.join('; ')}`, {
      expected: 'both EASEL_S3_ACCESS_KEY and EASEL_S3_SECRET_KEY, or neither',
    });
  }
  return { accessKey, secretKey };
}

/** The keys in the folder's file; undefined if the file does not exist. @throws Corrupt */
export async function readS3Keys(folder: string): Promise<S3Keys | undefined> {
  const path = join(folder, RESERVED_FOLDER, FILE);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    const { access_key: accessKey, secret_key: secretKey } = fileSchema.parse(JSON.parse(text));
    return { accessKey, secretKey };
  } catch {
    // No cause: it may repeat the secret.
    throw new Corrupt(`"${path}" does not hold the keys of the S3 endpoint`, {
      hint: 'remove the file; the next start makes new keys',
    });
  }
}

/** Reads the keys, or makes them. If several processes make them at once, all get the keys of the one that succeeds. */
export async function ensureS3Keys(folder: string): Promise<S3Keys> {
  const known = await readS3Keys(folder);
  if (known !== undefined) return known;
  // If a kill leaves this file behind, the store's cleanup of temporary files deletes it.
  const temporary = join(folder, RESERVED_FOLDER, 'tmp', randomUUID());
  await makeFolders(join(folder, RESERVED_FOLDER, 'tmp'));
  const file = await open(temporary, 'wx', MODE);
  try {
    const { accessKey, secretKey } = makeS3Keys();
    await file.writeFile(`${JSON.stringify({ v: 1, access_key: accessKey, secret_key: secretKey }, undefined, 2)}\n`);
    await file.datasync();
    await link(temporary, join(folder, RESERVED_FOLDER, FILE)).catch(error => {
      if (!isCode(error, 'EEXIST')) throw error;
    });
  } finally {
    await file.close();
    await unlink(temporary);
  }
  return ensureS3Keys(folder);
}

/** Random keys in the alphabets of Amazon's keys, without "/" and "+", which some clients do not quote well. */
function makeS3Keys(): S3Keys {
  const letters = Array.from(
    { length: ACCESS_KEY_LENGTH },
    () => ACCESS_KEY_LETTERS[randomInt(ACCESS_KEY_LETTERS.length)],
  );
  return { accessKey: letters.join(''), secretKey: randomBytes(SECRET_KEY_BYTES).toString('base64url') };
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
