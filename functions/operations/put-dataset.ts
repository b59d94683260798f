import { NotFound, PreconditionFailed } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Etag } from '../../storage/types.ts';
import type { EffectContext } from '../define.ts';
import { writeDatasetView } from '../views/dataset-view.ts';
import type { ViewSite } from '../views/experiment-view.ts';
import { showUsers } from '../views/show-users.ts';

export interface DatasetContext extends ViewSite {
  readonly call: EffectContext['call'];
}

export interface PutDatasetOptions {
  /**
   * As in HTTP: the quoted etag of the version that may be replaced; `*`: any version. Absent: any version, or none.
   */
  readonly ifMatch?: string | undefined;
}

/**
 * Makes the name mean the dataset, and shows it.
 * @throws NotFound when the store does not have the dataset, PreconditionFailed when the name is at another version.
 */
export async function putDataset(
  { call, ...site }: DatasetContext,
  name: string,
  dataset: Digest,
  { ifMatch }: PutDatasetOptions = {},
): Promise<{ readonly etag: Etag; readonly created: boolean }> {
  const { store, blobs } = site;
  if ((await blobs.keep(dataset)) === undefined) {
    throw new NotFound(`there is no blob ${dataset}`, { hint: 'repeat the call that made the dataset' });
  }
  await readDataset(blobs, dataset);
  const { datasets } = createRefs(store);
  const current = await datasets.read(name);
  checkVersion(ifMatch, current?.etag);
  const { etag } = current
    ? await datasets.compareAndSwap(name, current.etag, { ...current.value, dataset })
    : await datasets.create(name, { v: 1, dataset });
  await writeDatasetView({ store, blobs, call }, name);
  await showUsers(site, name);
  return { etag, created: current === undefined };
}

function checkVersion(asked: PutDatasetOptions['ifMatch'], current: Etag | undefined): void {
  if (asked === undefined || (asked === '*' ? current !== undefined : asked === `"${current}"`)) return;
  throw new PreconditionFailed('If-Match names another version of the dataset', {
    expected: current === undefined ? 'no If-Match: the name is free' : `If-Match: "${current}"`,
    hint: 'GET the dataset again, then decide',
  });
}
