import { defineCommand } from 'citty';
import { expandHome } from '../../configs/home-path.ts';
import { NotFound } from '../../errors.ts';
import { keysPathOf, readKeys } from '../../infra/minio/keys.ts';
import { storeEnvironment } from '../../infra/minio/store.ts';
import { reportErrors } from '../command-error.ts';
import { formatS3Exports } from '../shell.ts';
import { DEFAULT_FOLDER, folderArg } from './store-args.ts';

export const storeEnvCommand = defineCommand({
  meta: {
    name: 'env',
    description:
      'print the environment for using the MinIO that `store up` runs: eval "$(npm run -s easel -- store env)"',
  },
  args: {
    ...folderArg,
    browse: { type: 'boolean', description: 'print the keys of the user who may only read, for S3 clients' },
  },
  run: reportErrors(async ({ args }) => {
    const folder = expandHome(args.folder ?? DEFAULT_FOLDER);
    const { endpoint, bucket, easel, browse } = await readKeys(folder);
    if (endpoint === undefined || bucket === undefined) {
      throw new NotFound(`the MinIO with the keys ${keysPathOf(folder)} was never started`, {
        hint: 'start it with `easel store up minio`',
      });
    }
    const { EASEL_STORE, ...keys } = storeEnvironment(endpoint, bucket, args.browse === true ? browse : easel);
    const store = args.browse === true ? {} : { EASEL_STORE };
    // S3 tools need the endpoint; Easel reads it from EASEL_STORE.
    console.log(formatS3Exports({ ...store, ...keys, AWS_ENDPOINT_URL_S3: endpoint }));
  }),
});
