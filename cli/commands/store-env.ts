import { defineCommand } from 'citty';
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
      'print what a shell needs to use the MinIO that `store up` runs: eval "$(npm run -s easel -- store env)"',
  },
  args: {
    ...folderArg,
    browse: { type: 'boolean', description: 'the keys of the user who may only look, for S3 clients' },
  },
  run: reportErrors(async ({ args }) => {
    const folder = args.folder ?? DEFAULT_FOLDER;
    const { endpoint, bucket, easel, browse } = await readKeys(folder);
    if (endpoint === undefined || bucket === undefined) {
      throw new NotFound(`the MinIO of ${keysPathOf(folder)} was not started yet`, {
        hint: 'start it with `easel store up minio`',
      });
    }
    const { EASEL_STORE, ...keys } = storeEnvironment(endpoint, bucket, args.browse === true ? browse : easel);
    const store = args.browse === true ? {} : { EASEL_STORE };
    // The endpoint is for tools: Easel has it in its URL.
    console.log(formatS3Exports({ ...store, ...keys, AWS_ENDPOINT_URL_S3: endpoint }));
  }),
});
