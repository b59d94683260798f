/** @file Fetches the weights of a pretrained network into the store, or takes them from files. */
import { z } from 'zod';
import { type ModelSource, type SourcePart, urlOf } from '../configs/model-sources.ts';
import { InvalidInput } from '../errors.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import type { ModelFile, ModelHead } from '../storage/model-record.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type EffectContext, type EffectFunction } from './define.ts';
import { bringPart } from './models/bring-part.ts';
import { findSource, requireAcceptance } from './models/find-source.ts';
import { putModel } from './operations/put-model.ts';

const MOST_PIECES = 1000;

const input = z.strictObject({
  model: z.string().describe('name of the network: GET /models lists those that can be fetched'),
  accept_licence: z.string().optional().describe('name of the licence that you have read and accept, once per store'),
  sha256: z
    .record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lower-case hexadecimal digits'))
    .optional()
    .describe('by part: the digest of its whole file, for files that nobody has pinned'),
  trust: z
    .boolean()
    .default(false)
    .describe('takes files that nobody has pinned as they come, and records their sha256'),
  whole: z
    .boolean()
    .default(false)
    .describe('fetches whole files and checks their sha256, also where a part of the tensors is enough'),
  folder: z
    .string()
    .optional()
    .describe('a folder below the import roots with the files, such as a snapshot of Hugging Face; nothing is fetched'),
  files: z
    .record(z.string(), z.array(digestSchema).min(1).max(MOST_PIECES))
    .optional()
    .describe('by part: its file as blobs, one after the other (split -b 512M); nothing is fetched for them'),
});
type Input = z.output<typeof input>;

/** @param sources Networks that can be fetched; default: those of the table. */
export function createFetchModels(sources?: readonly ModelSource[]): EffectFunction<typeof input> {
  return defineFunction({
    name: 'fetch-models',
    summary:
      'Fetches the weights of a pretrained network from Hugging Face into the store, only the tensors that it needs, and ' +
      'goes on where an earlier call stopped; or takes them from a folder or from blobs.',
    version: 1,
    kind: 'effect',
    example: { model: 't5-large' },
    input,
    key: ({ model }) => model,
    async run(ctx, body) {
      const source = findSource(body.model, sources);
      checkParts(source, body);
      const refs = createRefs(ctx.store);
      const accepted = await requireAcceptance(source, body.accept_licence, refs, ctx.now);
      const found = (await refs.models.read(source.name))?.value;
      const weights: Record<string, Digest[]> = {};
      const files: Record<string, ModelFile> = {};
      const kept: string[] = [];
      for (const [part, row] of Object.entries(source.parts)) {
        const earlier = await findStored(ctx, found, part, row, body);
        if (earlier) kept.push(part);
        const brought = earlier ?? (await bringPart(ctx, row, requestOf(body, part)));
        weights[part] = [...brought.digests];
        files[part] = brought.file;
      }
      const text = await bringLicense(ctx, source, found, body);
      const { name, read_in } = source.license;
      const model: ModelHead = {
        v: 1,
        weights,
        source: sourceOf(files),
        license: { name, read_in, ...(text && { text }), ...(accepted !== undefined && { accepted_at: accepted }) },
        files,
      };
      await putModel(ctx, source.name, model);
      return { model: source.name, ...model, kept, binds: source.license.binds, notes: notesOf(source, files) };
    },
  });
}

export const fetchModels = createFetchModels();

/** @throws InvalidInput for a part that the network does not have, and for two places of one file. */
function checkParts({ name, parts }: ModelSource, { sha256 = {}, files = {}, folder }: Input): void {
  for (const [key, given] of Object.entries({ sha256, files })) {
    const unknown = Object.keys(given).find(part => !(part in parts));
    if (unknown === undefined) continue;
    throw new InvalidInput(`${key}: ${name} has no part "${unknown}"`, {
      expected: `one of: ${Object.keys(parts).join(', ')}`,
    });
  }
  if (folder === undefined || Object.keys(files).length === 0) return;
  throw new InvalidInput('folder and files both say where the weights are', { expected: 'one of them' });
}

function requestOf({ model, sha256, trust, whole, folder, files }: Input, part: string) {
  return { model, part, sha256: sha256?.[part], trust, whole, folder, pieces: files?.[part] };
}

/** A part of an earlier call that was checked at least as well as this call asks. */
async function findStored(
  { blobs, hub }: EffectContext,
  found: ModelHead | undefined,
  part: string,
  row: SourcePart,
  { sha256, whole, files, folder }: Input,
) {
  const [digests, file] = [found?.weights[part], found?.files?.[part]];
  if (!digests || !file || files?.[part] || (folder !== undefined && file.checked !== 'file')) return undefined;
  const pin = sha256?.[part] ?? row.sha256;
  if (pin !== undefined && file.sha256 !== pin) return undefined;
  // Without a pin, the commit in the address says which file it is.
  if (pin === undefined && file.from !== urlOf(row, hub.endpoint)) return undefined;
  if (whole && file.checked === 'host') return undefined;
  const refs = await Promise.all(digests.map(digest => blobs.keep(digest)));
  return refs.every(ref => ref !== undefined) ? { digests, file } : undefined;
}

/** The text of a licence of its own, at its pinned place; undefined if it lies in none, or files are local. */
async function bringLicense(
  ctx: EffectContext,
  { name, license: { text } }: ModelSource,
  found: ModelHead | undefined,
  { folder, files }: Input,
): Promise<Digest | undefined> {
  if (text === undefined) return undefined;
  const earlier = found?.license.text;
  if (earlier && (await ctx.blobs.keep(earlier))) return earlier;
  if (files !== undefined) return undefined;
  const request = { model: name, part: 'license', trust: true, whole: false, folder };
  const brought = await bringPart(ctx, { ...text, format: 'file' }, request).catch(error => {
    ctx.signal.throwIfAborted();
    ctx.progress({ phase: text.path, message: `the text of the licence is not stored: ${error.message}` });
    return undefined;
  });
  return brought?.digests[0];
}

function sourceOf(files: Readonly<Record<string, ModelFile>>): string {
  return Object.values(files)
    .map(({ from, sha256 }) => (sha256 === undefined ? from : `${from}, sha256 ${sha256}`))
    .join('; ');
}

/** What a person should know of how the files were checked. */
function notesOf({ pins }: ModelSource, files: Readonly<Record<string, ModelFile>>): Json {
  return Object.entries(files).flatMap(([part, { checked, from }]) => {
    if (checked === 'first use') {
      return [`${part}: nobody has pinned ${from} (${pins}); it was trusted as it came, and its sha256 is recorded`];
    }
    if (checked === 'file') return [];
    return [
      `${part}: only the needed tensors were fetched; the host names the pinned sha256 for their file, which Easel did ` +
        'not compute (`whole: true` does)',
    ];
  });
}
