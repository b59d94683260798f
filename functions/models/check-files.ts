/** @file Whether the stored weights of a model are whole, and what is known of the files that they come from. */
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import { MODEL_SOURCES } from '../../configs/model-table.ts';
import { AppError } from '../../errors.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { countElements } from '../../formats/tensor.ts';
import type { ModelHead } from '../../storage/model-record.ts';
import type { BlobStore } from '../../storage/types.ts';

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
}

/** Hashes every blob, and compares parts with the pins and sizes of the rows. */
export async function checkFiles(name: string, { weights, files = {} }: ModelHead, blobs: BlobStore): Promise<Check[]> {
  const source = MODEL_SOURCES.find(each => each.name === name);
  const pinned = MODEL_PACKAGES.find(each => each.name === name);
  const checks: Check[] = [];
  for (const [part, digests] of Object.entries(weights)) {
    const row = source?.parts[part];
    let elements = 0;
    try {
      for (const digest of digests) {
        const bytes = await blobs.get(digest);
        if (row?.elements === undefined) continue;
        const tensors = Object.values(decodeSafetensors(bytes).tensors);
        elements += tensors.reduce((sum, { shape }) => sum + countElements(shape), 0);
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      checks.push({ name: `${part}: blobs`, ok: false, text: error.message });
      continue;
    }
    checks.push({ name: `${part}: blobs`, ok: true, text: `${digests.length} whole by sha256` });
    if (row?.elements !== undefined) {
      const text = `${elements} numbers, the network has ${row.elements}`;
      checks.push({ name: `${part}: tensors`, ok: elements === row.elements, text });
    }
    checks.push(checkOrigin(part, files[part], row?.sha256, pinned?.weights[part]?.digest, digests));
  }
  return checks;
}

function checkOrigin(
  part: string,
  file: NonNullable<ModelHead['files']>[string] | undefined,
  pin: string | undefined,
  pinnedBlob: string | undefined,
  digests: readonly string[],
): Check {
  const name = `${part}: origin`;
  if (pinnedBlob !== undefined) {
    const ok = digests.join() === pinnedBlob;
    return { name, ok, text: ok ? 'the pinned wheel' : `not the blob of the pinned wheel, ${pinnedBlob}` };
  }
  if (file === undefined) return { name, ok: true, text: 'nothing is known of the file: it was stored by PUT /models' };
  if (pin !== undefined && file.sha256 !== pin) {
    return { name, ok: false, text: `${file.from} had sha256 ${file.sha256}, and ${pin} is pinned` };
  }
  const HOW = {
    file: 'its whole file had the expected sha256',
    host: 'its host named the pinned sha256; only the needed tensors were fetched (`fetch-models` with `whole: true` reads all)',
    'first use': `nobody has pinned ${file.from}: it was trusted as it came`,
  } as const;
  return { name, ok: true, text: HOW[file.checked] };
}
