/**
 * @file Installs the weights of a network whose files lie at Hugging Face. The server fetches them; files of this
 * machine are sent to it in pieces.
 */
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { expandHome } from '../configs/home-path.ts';
import type { ModelSource } from '../configs/model-sources.ts';
import { quantity } from '../configs/quantity.ts';
import { InvalidInput, NotFound } from '../errors.ts';
import { digestOf } from './digest.ts';
import { formatBytes } from './format-bytes.ts';
import { type ApiClient, isStored } from './http.ts';

/** Bytes of a piece of a file on its way to the server. */
const PIECE_BYTES = 256 * 2 ** 20;

export interface InstallSourceOptions {
  /** Accepts the licence without a question. */
  readonly accept: boolean;
  /** Asks a person; absent: nobody is there to be asked. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  readonly trust: boolean;
  readonly whole: boolean;
  /** By part. */
  readonly sha256: Readonly<Record<string, string>>;
  /** Files of this machine, by part. */
  readonly files: Readonly<Record<string, string>>;
  /** A folder of this machine that has all files under their own names. */
  readonly folder?: string | undefined;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** Calls a function of the server and shows its progress. */
  readonly call: (name: string, body: unknown) => Promise<{ readonly result: unknown }>;
}

type Client = Pick<ApiClient, 'request' | 'get' | 'upload'>;

const licensesSchema = z.looseObject({
  models: z.array(z.looseObject({ license: z.looseObject({ name: z.string(), accepted_at: z.string().optional() }) })),
});
const answerSchema = z.looseObject({
  weights: z.record(z.string(), z.array(z.string())),
  license: z.looseObject({ name: z.string() }),
  files: z.record(z.string(), z.looseObject({ from: z.string(), size: z.number(), checked: z.string() })),
  kept: z.array(z.string()),
  notes: z.array(z.string()),
});

/** @throws InvalidInput if nobody accepts the licence, NotFound for a file that is not there; the call's errors */
export async function installSource(row: ModelSource, api: Client, options: InstallSourceOptions): Promise<void> {
  const { name, license, parts } = row;
  const { log, trust, whole } = options;
  const isAccepted = license.accept === undefined || (await wasAccepted(api, license.name));
  if (!isAccepted) await askToAccept(row, options);
  const unknown = Object.keys({ ...options.files, ...options.sha256 }).find(part => !(part in parts));
  if (unknown !== undefined) {
    throw new InvalidInput(`${name} has no part "${unknown}"`, {
      expected: `PART=...: ${Object.keys(parts).join(', ')}`,
    });
  }
  const local = { ...filesOf(row, options.folder), ...options.files };
  const files: Record<string, string[]> = {};
  for (const [part, path] of Object.entries(local)) files[part] = await sendFile(api, path, options);
  const { result } = await options.call('fetch-models', {
    model: name,
    ...(trust && { trust }),
    ...(whole && { whole }),
    ...(!isAccepted && { accept_licence: license.name }),
    ...(Object.keys(options.sha256).length > 0 && { sha256: options.sha256 }),
    ...(Object.keys(files).length > 0 && { files }),
  });
  const answer = answerSchema.parse(result);
  for (const [part, { from, size, checked }] of Object.entries(answer.files)) {
    const how = answer.kept.includes(part) ? 'is there' : `${formatBytes(size)} from ${from}`;
    log(`${part}: ${how} (checked: ${checked}), ${quantity(answer.weights[part]?.length ?? 0, 'blob')}`);
  }
  for (const note of answer.notes) log(`note: ${note}`);
  log(
    `${name} is installed; its licence is ${answer.license.name}. Whether it binds the trained network: ${license.binds}`,
  );
}

function filesOf({ parts }: ModelSource, folder: string | undefined): Record<string, string> {
  if (folder === undefined) return {};
  return Object.fromEntries(Object.entries(parts).map(([part, { path }]) => [part, join(folder, path)]));
}

async function wasAccepted(api: Client, license: string): Promise<boolean> {
  const { models } = await api.get('/models', licensesSchema);
  return models.some(each => each.license.name === license && each.license.accepted_at !== undefined);
}

/** @throws InvalidInput without a yes */
async function askToAccept({ name, license }: ModelSource, { accept, ask, log }: InstallSourceOptions): Promise<void> {
  log(`The weights of ${name} come under the licence "${license.name}". Read it: ${license.read_in}.`);
  log(`Whether it binds the trained network: ${license.binds}.`);
  if (license.gated) log('Their host wants a token of an account that accepted it there: HF_TOKEN of the server.');
  if (accept) return;
  const said = ask ? await ask('Do you accept this licence? yes/no: ') : 'no';
  if (said.trim().toLowerCase() === 'yes') return;
  throw new InvalidInput(`the licence "${license.name}" was not accepted`, {
    expected: 'yes, or --accept-licence',
  });
}

/** Uploads what the server does not have of a file. @returns Digests of its pieces. */
async function sendFile(api: Client, path: string, { log, signal }: InstallSourceOptions): Promise<string[]> {
  const wanted = expandHome(path);
  const file = await open(wanted).catch(cause => {
    throw new NotFound(`there is no file at ${wanted}`, { cause });
  });
  try {
    const { size } = await file.stat();
    log(`sending ${basename(wanted)} (${formatBytes(size)})`);
    const digests: string[] = [];
    for (let start = 0; start < Math.max(size, 1); start += PIECE_BYTES) {
      signal.throwIfAborted();
      const piece = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, size - start));
      const { bytesRead } = await file.read(piece, 0, piece.length, start);
      if (bytesRead < piece.length) throw new NotFound(`${wanted} ended while it was read`);
      const digest = digestOf(piece);
      if (!(await isStored(api, digest))) await api.upload(digest, piece, 'application/octet-stream');
      digests.push(digest);
    }
    return digests;
  } finally {
    await file.close();
  }
}
