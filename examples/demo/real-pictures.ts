/**
 * @file Real pictures to compare with: pictures of the set that were not trained on, read from its columns over HTTP.
 */
import { memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { readPixels } from '../../functions/pictures/planar.ts';
import { datasetDocument, datasetNameAnswer, itemLine } from './answers.ts';
import type { KnownPicture } from './sets/demo-set.ts';
import type { ToldApi } from './told-api.ts';

/** The first `count` pictures of the splits val and test; fewer when there are not so many. */
export async function readRealPictures(api: ToldApi, name: string, count: number): Promise<KnownPicture[]> {
  const { dataset } = await api.get(`/datasets/${name}`, datasetNameAnswer);
  const document = datasetDocument.parse(parseJson(await api.object(dataset, 'dataset.json')));
  const removed = new Set(document.removed);
  const found: KnownPicture[] = [];
  let told = false;
  const read = (digest: string, file: string) =>
    told ? api.untold.bytes(`/objects/${digest}`) : api.object(digest, file, 'and so on, page by page');
  for (const page of document.pages) {
    if (found.length >= count) break;
    const items = parseLines(await read(page.items, 'items.jsonl'))
      .map(line => itemLine.parse(line))
      .filter(({ id, split }) => (split === 'val' || split === 'test') && !removed.has(id));
    if (items.length === 0) continue;
    const column = readColumn(await read(page.columns.image, 'images.tar'));
    const { pose: posed } = page.columns;
    const poses = posed === undefined ? undefined : readColumn(await read(posed, 'poses.tar'));
    told = true;
    for (const { id, attributes } of items) {
      const member = column.get(memberName('image', id));
      if (member === undefined) throw new Unprocessable(`the image column of ${name} lacks ${id}`);
      const pose = poses?.get(memberName('pose', id));
      const { caption, captions: _, ...others } = attributes;
      found.push({
        attributes: others,
        caption: String(caption),
        pixels: readPixels(member),
        ...(pose && { pose: Float32Array.from(decodeNpy(pose).data) }),
      });
    }
  }
  return found.slice(0, count);
}

function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}

function parseLines(bytes: Uint8Array): unknown[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.filter(line => line !== '').map(line => JSON.parse(line));
}
