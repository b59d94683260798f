import { defineCommand } from 'citty';
import { buildMinio, findMinio } from '../../infra/minio/binary.ts';
import { reportErrors } from '../command-error.ts';
import { kindArg, requireMinio } from './store-args.ts';

export const storeInstallCommand = defineCommand({
  meta: {
    name: 'install',
    description: 'build MinIO with Go into EASEL_CACHE, unless this machine has one',
  },
  args: kindArg,
  run: reportErrors(async ({ args }) => {
    requireMinio(args.kind);
    const found = await findMinio();
    if (found === undefined) await buildMinio(line => console.log(line));
    else console.log(`MinIO is installed: ${found}`);
  }),
});
