import { resolve } from 'node:path';
import { defineCommand } from 'citty';
import { readS3Keys, s3KeysOf } from '../../configs/s3-keys.ts';
import { parseStoreFolder } from '../../configs/store-folder.ts';
import { InvalidInput, NotFound, Unprocessable } from '../../errors.ts';
import { reportErrors } from '../command-error.ts';
import { type Health, healthSchema } from '../health.ts';
import { formatS3Exports } from '../shell.ts';
import { connect, connectionArgs } from './connection.ts';

const DEFAULT_STORE = 'file:data/store';
const DEFAULT_PORT = '8788';
/** S3 clients require a region; the endpoint accepts any. */
const REGION = 'us-east-1';

export const storeKeysCommand = defineCommand({
  meta: {
    name: 'keys',
    description:
      'print the environment for browsing a folder store with S3 tools: ' +
      'eval "$(npm run -s easel -- store keys)", then `aws s3 ls s3://easel/`',
  },
  args: {
    store: {
      type: 'string',
      description: `file:DIR (default: EASEL_STORE, else the store of the server, else ${DEFAULT_STORE})`,
      valueHint: 'URL',
    },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const health = await connect(args)
      .get('/health', healthSchema)
      .catch(() => undefined);
    const folder = findFolder(args.store || process.env.EASEL_STORE || undefined, health);
    const keys = s3KeysOf(process.env) ?? (await readS3Keys(folder));
    if (keys === undefined) {
      throw new NotFound(`the store in ${folder} has no keys yet`, {
        hint: 'a server makes the keys: start one with `easel up`',
      });
    }
    console.log(
      formatS3Exports({
        AWS_ACCESS_KEY_ID: keys.accessKey,
        AWS_SECRET_ACCESS_KEY: keys.secretKey,
        AWS_ENDPOINT_URL_S3: findEndpoint(folder, health),
        AWS_REGION: REGION,
      }),
    );
  }),
});

/** @returns The absolute path of the folder store. @throws InvalidInput if the store is not a folder. */
function findFolder(wanted: string | undefined, health: Health | undefined): string {
  const url = wanted ?? health?.store ?? DEFAULT_STORE;
  const folder = parseStoreFolder(url);
  if (folder !== undefined) return resolve(folder);
  throw new InvalidInput(`the store ${url} is not a folder, so Easel has no S3 endpoint for it`, {
    expected: 'file:DIR',
    hint: 'use the address and keys of the store itself: `easel store env` prints those of MinIO',
  });
}

/**
 * The S3 endpoint of the server on this folder. If no server answers: the address that one would take.
 * @throws Unprocessable if the server has no S3 endpoint.
 */
function findEndpoint(folder: string, health: Health | undefined): string {
  const isServed = health?.store !== undefined && parseStoreFolder(health.store) === folder;
  if (isServed && health.s3 !== undefined) return health.s3.url;
  const port = process.env.EASEL_S3_PORT || DEFAULT_PORT;
  if (isServed || port === 'off') {
    throw new Unprocessable('the server has no S3 endpoint', {
      hint: 'its port was taken, or EASEL_S3_PORT is "off": start the server with EASEL_S3_PORT=0 for a free port',
    });
  }
  console.error(
    `easel: no server of ${folder} answers; this assumes port ${port} (if a server listens elsewhere, give --url)`,
  );
  return `http://127.0.0.1:${port}`;
}
