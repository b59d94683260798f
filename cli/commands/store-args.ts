/** @file What the commands about stores have in common. */
import { InvalidInput } from '../../errors.ts';

export const DEFAULT_FOLDER = 'data/minio';

export const kindArg = {
  kind: { type: 'positional', description: '`minio`', required: true },
} as const;

export const folderArg = {
  folder: {
    type: 'string',
    description: `where MinIO keeps its data (default ${DEFAULT_FOLDER}); its keys lie beside it, in FOLDER.json`,
    valueHint: 'FOLDER',
  },
} as const;

export const bucketArg = {
  bucket: { type: 'string', description: 'name of the bucket (default easel)', valueHint: 'NAME' },
} as const;

/** @throws InvalidInput for another one than MinIO. */
export function requireMinio(kind: string): void {
  if (kind === 'minio') return;
  throw new InvalidInput(`"${kind}" is no store that can be had in this way`, {
    expected: '`minio`',
    hint: 'see infra/object-stores.md for others',
  });
}

/** As S3 wants it. @throws InvalidInput */
export function parseBucket(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/.test(name)) return name;
  throw new InvalidInput(`--bucket ${name} is no name of a bucket`, {
    expected: '3 to 63 small letters, digits and hyphens',
  });
}
