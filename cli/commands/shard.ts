/** @file `easel shard`: a dataset as WebDataset tars. */
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { defineCommand } from 'citty';
import { z } from 'zod';
import { makeFolders } from '../../configs/make-folders.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { formatCount, quantity } from '../../configs/quantity.ts';
import { InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { formatBytes } from '../format-bytes.ts';
import { connect, connectionArgs } from './connection.ts';

const MEBIBYTE = 2 ** 20;
/** A name inside the folder. */
const FILE = /^((val|test)\/)?bucket_\d+x\d+\/shard-\d+\.tar$/;

const answerSchema = z.looseObject({
  folder: z.string(),
  samples: z.int(),
  bytes: z.number(),
  files: z.array(z.looseObject({ file: z.string().regex(FILE), digest: z.string(), size: z.int() })),
});

export const shardCommand = defineCommand({
  meta: {
    name: 'shard',
    description:
      'export a dataset as WebDataset tars, per split and size, into its folder in the store ' +
      '(easel shard portraits --original)',
  },
  args: {
    name: { type: 'positional', description: 'the dataset', required: true },
    original: {
      type: 'boolean',
      description: 'exactly the members of the original project: float16 pixels from 0 to 1, padded text, float16 pose',
    },
    'max-mib': { type: 'string', description: 'most mebibytes of a tar (default 512)', valueHint: 'N' },
    folder: {
      type: 'string',
      description: 'copy the tars into this folder, too; files that exist stay',
      valueHint: 'DIR',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    const api = connect(args);
    const body = {
      dataset: args.name,
      ...(args.original === true && { pixels: 'float16', text: 'padded', pose: 'float16' }),
      ...(args['max-mib'] !== undefined && { max_bytes: readMebibytes(args['max-mib']) }),
    };
    const { result } = await callInForeground(api, 'shard', body, { quiet: args.quiet });
    const { files, folder, samples, bytes } = answerSchema.parse(result);
    for (const { file, digest } of args.folder === undefined ? [] : files) {
      await writeFile(join(args.folder ?? '', file), () => api.bytes(`/objects/${digest}`));
    }
    if (args.json === true) console.log(plainJson(result));
    else {
      for (const { file, size } of files)
        console.log(`${args.folder ?? folder.replace(/\/$/, '')}/${file}: ${formatBytes(size)}`);
      console.log(`${quantity(samples, 'picture')} in ${formatCount(files.length)} tars, ${formatBytes(bytes)}`);
    }
  }),
});

function readMebibytes(text: string): number {
  const count = Number(text);
  if (text.trim() !== '' && Number.isFinite(count) && count > 0) return Math.floor(count * MEBIBYTE);
  throw new InvalidInput(`--max-mib ${text} is wrong`, { expected: 'a number of mebibytes above 0' });
}

/** Writes a file beside its place first, so that no half file lies there. A file that is there stays. */
async function writeFile(path: string, read: () => Promise<Uint8Array>): Promise<void> {
  await makeFolders(dirname(path));
  const there = await open(path, 'r').catch(error => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (there) return there.close();
  const part = `${path}.part`;
  const file = await open(part, 'w');
  try {
    await file.writeFile(await read());
    await file.close();
    await rename(part, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}
