/** @file `reports/<name>/`: the page of a comparison, and the same for programs, as copies of their blobs. */
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { ViewLayout } from '../../storage/view-layout.ts';
import { copyBlob, deleteView, type WritableView } from './view-files.ts';

export const REPORT_VIEW: ViewLayout = { files: ['report.html', 'report.json'], folders: [] };

/** Rounds of writing while other calls move the name. After these, the others write theirs. */
const MAX_ROUNDS = 8;

export function reportFolder(name: string): string {
  return `reports/${name}/`;
}

/** Brings the view up to the report that the name means; deletes it if the name is gone. @throws BlobMissing */
export async function writeReportView(store: ObjectStore, name: string): Promise<void> {
  const { reports } = createRefs(store);
  const view: WritableView = { store, prefix: reportFolder(name), layout: REPORT_VIEW };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const head = await reports.read(name);
    if (head === undefined) await deleteView(view);
    else {
      await copyBlob(view, 'report.html', head.value.html);
      await copyBlob(view, 'report.json', head.value.report);
    }
    if ((await reports.read(name))?.etag === head?.etag) return;
  }
}
