import { NotFound, PreconditionFailed } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import { listModelBlobs } from '../../storage/list-kept.ts';
import type { ModelHead } from '../../storage/model-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';

/** Attempts at a write while others change the name. */
const MAX_ATTEMPTS = 8;

/**
 * Gives weights the name of a model, or moves the name to them.
 * @returns False if the name has these weights already.
 * @throws NotFound if a blob is not stored.
 */
export async function putModel(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  name: string,
  model: ModelHead,
): Promise<boolean> {
  for (const digest of listModelBlobs(model)) {
    if ((await blobs.keep(digest)) !== undefined) continue;
    throw new NotFound(`there is no blob ${digest}`, { hint: 'PUT it to /objects first' });
  }
  const { models } = createRefs(store);
  for (let attempt = 1; ; attempt++) {
    const current = await models.read(name);
    if (current && canonicalJson(current.value) === canonicalJson(model)) return false;
    try {
      if (current) await models.compareAndSwap(name, current.etag, model);
      else await models.create(name, model);
      return true;
    } catch (error) {
      if (!(error instanceof PreconditionFailed) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
