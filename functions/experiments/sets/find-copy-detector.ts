/** @file A stored network that was trained to find copies, such as SSCD: its config says above which cosine it does. */
import { featureNetSchema, PICTURE_NET_PARTS } from '../../../configs/picture-net.ts';
import { Unprocessable } from '../../../errors.ts';
import { createRefs } from '../../../storage/names/refs.ts';
import { parseJson } from '../../../storage/parse-document.ts';
import type { BlobStore, ObjectStore } from '../../../storage/types.ts';
import type { CopyDetector } from './copy-check.ts';
import { onnxExtractor } from './extractors.ts';

interface Site {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

/**
 * @param asked By name; absent: the first stored one.
 * @returns Undefined if none is asked for or stored.
 * @throws Unprocessable if the one that is asked for is not stored, or finds no copies.
 */
export async function findCopyDetector(site: Site, asked?: string): Promise<CopyDetector | undefined> {
  if (asked !== undefined) {
    const found = await readDetector(site, asked);
    if (found) return found;
    throw new Unprocessable(`the model "${asked}" finds no copies`, {
      expected: `a stored network with the parts ${PICTURE_NET_PARTS.join(' and ')}, whose config has copies_above`,
      hint: 'docs/evaluation.md says how to store SSCD',
    });
  }
  for (const name of (await createRefs(site.store).models.list()).toSorted()) {
    const found = await readDetector(site, name);
    if (found) return found;
  }
  return undefined;
}

async function readDetector({ store, blobs }: Site, name: string): Promise<CopyDetector | undefined> {
  const weights = (await createRefs(store).models.read(name))?.value.weights;
  const [config] = weights?.config ?? [];
  if (weights?.model === undefined || config === undefined) return undefined;
  const parsed = parseJson(await blobs.get(config), featureNetSchema);
  const above = parsed.ok ? parsed.value.copies_above : undefined;
  if (above === undefined) return undefined;
  const { model, config: parts = [] } = weights;
  return { extractor: { ...onnxExtractor(name), weights: { model: [...model], config: [...parts] } }, above };
}
