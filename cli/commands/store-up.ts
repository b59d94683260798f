import { defineCommand } from 'citty';
import { expandHome } from '../../configs/home-path.ts';
import { Internal } from '../../errors.ts';
import { findOrBuildMinio } from '../../infra/minio/binary.ts';
import { keysPathOf } from '../../infra/minio/keys.ts';
import { DEFAULT_BUCKET, type MinioStore, startMinioStore } from '../../infra/minio/store.ts';
import { reportErrors } from '../command-error.ts';
import { parsePort } from '../parse-options.ts';
import { quoteWord } from '../shell.ts';
import { listenForStop } from '../stop-signals.ts';
import { bucketArg, DEFAULT_FOLDER, folderArg, kindArg, parseBucket, requireMinio } from './store-args.ts';

export const storeUpCommand = defineCommand({
  meta: {
    name: 'up',
    description: 'start MinIO on loopback, with a bucket and users for Easel, and keep it running until Ctrl-C',
  },
  args: {
    ...kindArg,
    ...folderArg,
    ...bucketArg,
    port: { type: 'string', description: 'port of the S3 interface (default 9000); 0: a free port', valueHint: 'N' },
    'console-port': {
      type: 'string',
      description: 'port of the web page (default 9001); 0: a free port',
      valueHint: 'N',
    },
    verbose: { type: 'boolean', alias: 'v', description: "show MinIO's own output" },
  },
  run: reportErrors(async ({ args }) => {
    requireMinio(args.kind);
    const folder = expandHome(args.folder ?? DEFAULT_FOLDER);
    const options = {
      folder,
      port: parsePort(args.port ?? '9000', '--port'),
      consolePort: parsePort(args['console-port'] ?? '9001', '--console-port'),
      bucket: parseBucket(args.bucket ?? DEFAULT_BUCKET),
      ...(args.verbose === true ? { log: (line: string) => console.log(`minio | ${line}`) } : {}),
    };
    const binary = await findOrBuildMinio(line => console.log(line));
    const stopAsked = listenForStop();
    const store = await startMinioStore({ binary, ...options });
    for (const line of describeStore(store, folder)) console.log(line);
    const signal = await Promise.race([stopAsked, store.ended]);
    if (typeof signal !== 'string') throw new Internal(`MinIO stopped unexpectedly:\n${signal.join('\n')}`);
    console.log(`easel: ${signal}, stopping MinIO`);
    await store.stop();
  }),
});

/** Lines printed when MinIO is up: its addresses, and how to start Easel on it. */
export function describeStore(store: MinioStore, folder: string): string[] {
  const where = folder === DEFAULT_FOLDER ? '' : ` --folder ${quoteWord(folder)}`;
  return [
    `MinIO is up: ${store.endpoint}  (data in ${folder}, keys in ${keysPathOf(folder)}; stop it with Ctrl-C)`,
    ...(store.consoleUrl === undefined
      ? []
      : [
          `browse it: ${store.consoleUrl}  (user ${store.browse.accessKey}; \`store env --browse\` prints the password)`,
        ]),
    '',
    `To start Easel on ${store.url}, in another terminal:`,
    `  eval "$(npm run --silent easel -- store env${where})"`,
    '  npm run easel -- up',
  ];
}
