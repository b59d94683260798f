/** @file Stores the part of a model that a file holds: its tensors in blobs that fit, or its bytes. */
import { keepsTensor, MOST_PART_BYTES, type SourcePart } from '../../configs/model-sources.ts';
import { Unprocessable } from '../../errors.ts';
import { cutParts } from '../../formats/cut-parts.ts';
import { decodeTensor, encodeSafetensors } from '../../formats/safetensors.ts';
import { checkCoverage, LENGTH_BYTES, readDataStart, readSafetensorsHeader } from '../../formats/safetensors-header.ts';
import { countElements, type DecodedTensor } from '../../formats/tensor.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { ByteSource } from './byte-source.ts';

/** Bytes of a safetensors file that are fetched first: most headers are shorter. */
const FIRST_BYTES = 2 ** 18;
/** A blob holds so much. Files that are stored as they are must fit. */
const MOST_FILE_BYTES = 2 ** 30;

export interface StoredPart {
  readonly digests: readonly Digest[];
  readonly tensors?: number;
  readonly elements?: number;
}

/** Fetches what the part needs and stores it. @throws Unprocessable if the file is not the network's */
export function storePart(blobs: BlobStore, source: ByteSource, part: SourcePart): Promise<StoredPart> {
  return part.format === 'file' ? storeFile(blobs, source) : storeTensors(blobs, source, part);
}

async function storeFile(blobs: BlobStore, source: ByteSource): Promise<StoredPart> {
  await source.bring();
  const { size } = source.facts();
  if (size > MOST_FILE_BYTES) {
    throw new Unprocessable(`${source.from} has ${size} bytes`, { expected: `at most ${MOST_FILE_BYTES}` });
  }
  const { digest } = await blobs.put(await source.read({ start: 0, end: size }), 'application/octet-stream');
  return { digests: [digest] };
}

/** The header comes first, then the tensors that the part keeps. Equal tensors give equal blobs. */
async function storeTensors(blobs: BlobStore, source: ByteSource, part: SourcePart): Promise<StoredPart> {
  await source.bring([{ start: 0, end: FIRST_BYTES }]);
  const { size } = source.facts();
  const start = readDataStart(await source.read({ start: 0, end: Math.min(LENGTH_BYTES, size) }));
  if (start > size) throw new Unprocessable(`${source.from} is no safetensors file: its header would end behind it`);
  await source.bring([{ start: 0, end: start }]);
  const { places } = readSafetensorsHeader(await source.read({ start: 0, end: start }));
  checkCoverage(places, size - start);
  const kept = places.filter(({ name }) => keepsTensor(part, name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const elements = kept.reduce((sum, { shape }) => sum + countElements(shape), 0);
  if (part.elements !== undefined && elements !== part.elements) {
    throw new Unprocessable(`the tensors of ${source.from} that the network reads have ${elements} numbers`, {
      expected: `the ${part.elements} of the network`,
    });
  }
  const spanOf = ({ begin, end }: (typeof kept)[number]) => ({ start: start + begin, end: start + end });
  await source.bring(kept.map(spanOf));
  const digests: Digest[] = [];
  for (const places of cutParts(kept, ({ begin, end }) => end - begin, MOST_PART_BYTES)) {
    const tensors: Record<string, DecodedTensor> = {};
    for (const place of places) tensors[place.name] = decodeTensor(place, await source.read(spanOf(place)));
    const { digest } = await blobs.put(encodeSafetensors(tensors), 'application/x-safetensors');
    digests.push(digest);
  }
  return { digests, tensors: kept.length, elements };
}
