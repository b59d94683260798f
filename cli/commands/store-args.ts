/** @file Arguments that several `easel store` commands share. */
import { InvalidInput } from '../../errors.ts';

export const DEFAULT_FOLDER = 'data/minio';

export const kindArg = {
  kind: { type: 'positional', description: '`minio`', required: true },
} as const;

export const folderArg = {
  folder: {
    type: 'string',
    description: `folder of MinIO's data (default ${DEFAULT_FOLDER}); the keys lie beside it, in FOLDER.json`,
    valueHint: 'FOLDER',
  },
} as const;

export const bucketArg = {
  bucket: { type: 'string', description: 'name of the bucket (default easel)', valueHint: 'NAME' },
} as const;

/** @throws InvalidInput unless `kind` is `minio`. */
export function requireMinio(kind: string): void {
  if (kind === 'minio') return;
  throw new InvalidInput(`this command cannot start or install the store "${kind}"`, {
    expected: '`minio`',
    hint: 'see infra/object-stores.md for other stores',
  });
}

/** @returns `name`, if S3 accepts it as the name of a bucket. @throws InvalidInput */
export function parseBucket(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name)) return name;
  throw new InvalidInput(`--bucket ${name} is not a valid bucket name`, {
    expected: '3 to 63 small letters, digits and hyphens',
  });
}
