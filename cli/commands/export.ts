/** @file `easel export`: the weights of an experiment as safetensors files. */
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defineCommand } from 'citty';
import { z } from 'zod';
import { MOST_TRACES } from '../../configs/bounds.ts';
import { isFolder } from '../../configs/is-folder.ts';
import { tellNotice } from '../../configs/model-notices.ts';
import { plainJson } from '../../configs/plain-text.ts';
import { spreadCheckpoints } from '../../configs/spread-checkpoints.ts';
import { Conflict, InvalidInput } from '../../errors.ts';
import { callInForeground } from '../call-in-foreground.ts';
import { reportErrors } from '../command-error.ts';
import { formatBytes } from '../format-bytes.ts';
import type { ApiClient } from '../http.ts';
import { connect, connectionArgs } from './connection.ts';

const SUFFIX = '.safetensors';
const refSchema = z.looseObject({ digest: z.string(), size: z.int() });
const noticeSchema = z.looseObject({ model: z.string(), license: z.string(), binds: z.string() });
const resultSchema = z.looseObject({
  outputs: z.record(z.string(), refSchema),
  stats: z.looseObject({ licenses: z.array(noticeSchema).default([]) }).optional(),
});

const checkpointSchema = z.looseObject({
  step: z.int(),
  checkpoint: z.string(),
  best: z.boolean().optional(),
  clean: z.boolean().optional(),
});
type Checkpoint = z.infer<typeof checkpointSchema>;
const chunkSchema = z.looseObject({ to: z.int(), artifacts: z.record(z.string(), z.string()) });
const experimentSchema = z.looseObject({ checkpoints: z.array(checkpointSchema) });
const chunksSchema = z.looseObject({ chunks: z.array(chunkSchema) });

export const exportCommand = defineCommand({
  meta: {
    name: 'export',
    description:
      'write the weights of a checkpoint to a safetensors file, with adapters merged ' +
      '(easel export portraits portraits.safetensors)',
  },
  args: {
    name: { type: 'positional', description: 'the experiment, or NAME@STEP, NAME@best, NAME@clean', required: true },
    file: { type: 'positional', description: 'file to write; one that exists stays', required: true },
    raw: { type: 'boolean', description: 'weights of the last step instead of averaged ones' },
    'sigma-rel': {
      type: 'string',
      valueHint: 'N',
      description: 'an average of that length relative to the run, such as 0.1, made of all kept checkpoints',
    },
    'accept-memorized': {
      type: 'boolean',
      description: 'also if a check found that the model has memorized training pictures',
    },
    json: { type: 'boolean', description: 'print JSON' },
    quiet: { type: 'boolean', alias: 'q', description: 'show no progress' },
    ...connectionArgs,
  },
  run: reportErrors(async ({ args }) => {
    await checkFile(args.file);
    const api = connect(args);
    const sigma = args['sigma-rel'];
    if (sigma !== undefined && args.raw === true) throw new InvalidInput('--raw and --sigma-rel ask for other weights');
    const body = {
      checkpoint: args.name,
      ...(args['accept-memorized'] === true && { memorized: 'accept' }),
      ...(sigma === undefined
        ? { weights: args.raw === true ? 'raw' : 'ema' }
        : { weights: { sigma_rel: Number(sigma) }, traces: await listCheckpoints(api, args.name) }),
    };
    const { result } = await callInForeground(api, 'export', body, { quiet: args.quiet });
    const { outputs, stats } = resultSchema.parse(result);
    for (const [name, { digest, size }] of Object.entries(outputs)) {
      const path = args.file.slice(0, -SUFFIX.length) + name.slice('weights'.length) + SUFFIX;
      await writeNew(path, await api.bytes(`/objects/${digest}`));
      if (args.json !== true) console.log(`${path}: ${formatBytes(size)}`);
    }
    if (args.json === true) console.log(plainJson(result));
    else for (const notice of stats?.licenses ?? []) console.log(tellNotice(notice));
    await noteUnchecked(api, args.name);
  }),
});

/** Checks that a file can be written, before its weights are made. @throws InvalidInput */
export async function checkFile(file: string): Promise<void> {
  if (!file.endsWith(SUFFIX)) {
    throw new InvalidInput(`"${file}" is no name of a safetensors file`, { expected: `a name with ${SUFFIX}` });
  }
  const folder = dirname(file);
  if (await isFolder(folder)) return;
  throw new InvalidInput(`there is no folder "${folder}"`, { expected: 'a file in a folder that exists' });
}

/** The checkpoints that the experiment keeps, spread over it if it keeps many; none of a digest. */
async function listCheckpoints(api: ApiClient, model: string): Promise<string[]> {
  if (model.startsWith('sha256:')) return [];
  const [name = model] = model.split('@');
  const { checkpoints } = await api.get(`/experiments/${encodeURIComponent(name)}`, experimentSchema);
  return spreadCheckpoints(checkpoints, MOST_TRACES).spaced.map(({ checkpoint }) => checkpoint);
}

/** Says how to check a model for copies of its training pictures, if nobody did. */
async function noteUnchecked(api: ApiClient, model: string): Promise<void> {
  if (model.startsWith('sha256:')) return;
  const [name = model, version = 'latest'] = model.split('@');
  const path = `/experiments/${encodeURIComponent(name)}`;
  const { checkpoints } = await api.get(path, experimentSchema);
  const step = findStep(checkpoints, version);
  if (step === undefined) return;
  const { chunks } = await api.get(`${path}/chunks?after=${step - 1}&limit=1`, chunksSchema);
  const chunk = chunks.find(({ to }) => to === step);
  if (chunk === undefined || 'memorization' in chunk.artifacts) return;
  const call = `easel call check-memorization checkpoint=${name}@${step}`;
  console.error(`nobody has checked whether this model draws copies of its training pictures: ${call}`);
}

/** @param version As in `NAME@VERSION`: `latest`, `best`, `clean` or a step. */
export function findStep(checkpoints: readonly Checkpoint[], version: string): number | undefined {
  if (version === 'latest') return checkpoints.at(-1)?.step;
  return checkpoints.find(({ step, best, clean }) =>
    version === 'best' ? best : version === 'clean' ? clean : String(step) === version,
  )?.step;
}

/** @throws Conflict if there is such a file. */
async function writeNew(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx').catch(error => {
    if (error.code === 'EEXIST') throw new Conflict(`the file ${path} exists`, { expected: 'the name of a new file' });
    throw error;
  });
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}
