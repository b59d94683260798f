/** @file A CLIP that knows the pictures and captions of a dataset: both towers give the axis of a picture. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { memberName } from '../../configs/signals.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { putModel } from '../operations/put-model.ts';
import { putToyDataset, type TrainingLab } from './training.ts';

/** A caption says by its last letter to which picture of the dataset it belongs. */
export const letterOf = (place: number): string => 'abcdefghij'[place] ?? '';

/** Toy pictures with captions, the last ones held out. */
export async function putCaptioned(
  { blobs }: TrainingLab,
  { count, heldOut }: { readonly count: number; readonly heldOut: number },
  captionOf: (place: number) => string,
): Promise<Digest> {
  const toy = await readDataset(blobs, await putToyDataset(blobs, { count, heldOut }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const texts = (await readItems(blobs, page)).map(
    ({ id }, i) => [memberName('caption', id), Buffer.from(captionOf(i))] as const,
  );
  const caption = (await blobs.put(packColumn(new Map(texts)), 'application/x-tar')).digest;
  const columns = { ...page.columns, caption };
  const document = { ...toy, pages: [{ ...page, columns }], links: [...toy.links, caption] };
  return (await putDocument(blobs, document)).digest;
}

export async function installClip(lab: TrainingLab, parts: readonly ('model' | 'tokenizer')[]): Promise<void> {
  const tokenizer = gunzipSync(readFileSync(new URL('../../formats/testdata/bpe.tokenizer.json.gz', import.meta.url)));
  const files = { model: Buffer.from('weights'), tokenizer };
  const weights: Record<string, Digest[]> = {};
  for (const part of parts) weights[part] = [(await lab.blobs.put(files[part], 'x/y')).digest];
  const license = { name: 'MIT', read_in: 'LICENSE' };
  await putModel(lab, 'clip-vitb32', { v: 1, weights, source: 'a test', license });
}

/**
 * From now on the gpu-runner embeds pictures and captions. Pictures that the dataset lacks lie between all axes.
 * @param dataset Has `count` pictures on one page.
 * @param read Gets the texts that the tower of texts reads.
 */
export async function embedOnAxes(lab: TrainingLab, dataset: Digest, count: number, read: string[]): Promise<void> {
  const [page] = (await readDataset(lab.blobs, dataset)).pages;
  const column = readColumn(await lab.blobs.get(page?.columns.image ?? dataset));
  const places = new Map([...column.values()].map((member, i) => [digestOf(member), i]));
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind !== 'encode') return run(action, job, options);
    const signal = job.reads === 'image' ? 'cls' : 'text';
    const members = [...readColumn(await lab.blobs.get(job.column))].map(([name, member]) => {
      const text = Buffer.from(member).toString();
      if (signal === 'text') read.push(text);
      const place = signal === 'cls' ? places.get(digestOf(member)) : text.charCodeAt(text.length - 1) - 97;
      const data = Float32Array.from({ length: count }, (_, i) => Number(place === undefined || place === i));
      const id = name.slice(0, -memberName(job.reads, '').length);
      return encodeSignalMember(signal, id, { shape: signal === 'cls' ? [count] : [1, count], data });
    });
    const output = await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar');
    return { outputs: { [signal]: output }, links: [], stats: {} };
  };
}
