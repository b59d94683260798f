import { defineCommand } from 'citty';
import { InvalidInput } from '../../errors.ts';
import { bootstrapMinio } from '../../infra/minio/bootstrap.ts';
import type { MinioCredentials } from '../../infra/minio/keys.ts';
import { DEFAULT_BUCKET } from '../../infra/minio/store.ts';
import { reportErrors } from '../command-error.ts';
import { bucketArg, parseBucket } from './store-args.ts';

export const storeBootstrapCommand = defineCommand({
  meta: {
    name: 'bootstrap',
    description:
      'make bucket and users on a MinIO that runs elsewhere. Environment: MINIO_ROOT_USER and MINIO_ROOT_PASSWORD are the ' +
      "administrator's keys; AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY become the keys of Easel's user, " +
      'BROWSE_ACCESS_KEY_ID and BROWSE_SECRET_ACCESS_KEY those of a user who may only read',
  },
  args: {
    endpoint: {
      type: 'string',
      description: 'address of MinIO, such as http://127.0.0.1:9000',
      valueHint: 'URL',
      required: true,
    },
    ...bucketArg,
  },
  run: reportErrors(async ({ args }) => {
    const bucket = parseBucket(args.bucket ?? DEFAULT_BUCKET);
    const { endpoint } = args;
    if (!/^https?:\/\//.test(endpoint) || !URL.canParse(endpoint)) {
      throw new InvalidInput(`--endpoint ${endpoint} is not an address`, {
        expected: 'an address such as http://127.0.0.1:9000',
      });
    }
    const [root, easel, browse] = [
      readPair('MINIO_ROOT_USER', 'MINIO_ROOT_PASSWORD'),
      readPair('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'),
      readPair('BROWSE_ACCESS_KEY_ID', 'BROWSE_SECRET_ACCESS_KEY'),
    ];
    await bootstrapMinio({ endpoint, bucket, root, easel, browse });
    console.log(`${endpoint}: bucket ${bucket}; ${easel.accessKey} may read and write, ${browse.accessKey} may read`);
  }),
});

function readPair(name: string, secretName: string): MinioCredentials {
  const [accessKey, secretKey] = [process.env[name], process.env[secretName]];
  if (accessKey && secretKey) return { accessKey, secretKey };
  throw new InvalidInput(`${accessKey ? secretName : name} is not set`, {
    expected: 'keys of three users in the environment',
    hint: 'see `easel store bootstrap --help`',
  });
}
