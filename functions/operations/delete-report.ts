import { nearestName } from '../../configs/suggest.ts';
import { NotFound } from '../../errors.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Versioned } from '../../storage/names/versioned.ts';
import type { ReportHead } from '../../storage/report-record.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { writeReportView } from '../views/report-view.ts';

/** @throws NotFound with what to do. */
export async function requireReport(store: ObjectStore, name: string): Promise<Versioned<ReportHead>> {
  const { reports } = createRefs(store);
  const found = await reports.read(name);
  if (found) return found;
  const nearest = nearestName(name, await reports.list());
  throw new NotFound(`there is no report "${name}"`, {
    hint:
      nearest === undefined ? 'GET /reports lists them; POST /functions/compare makes one' : `did you mean ${nearest}?`,
  });
}

/** Deletes the name and the view; gc deletes its pictures and numbers that no experiment has. @throws NotFound */
export async function deleteReport(store: ObjectStore, name: string): Promise<void> {
  await requireReport(store, name);
  await dropReport(store, name);
}

/** Deletes the name, if it is there, and the view. */
export async function dropReport(store: ObjectStore, name: string): Promise<void> {
  await createRefs(store).reports.delete(name);
  await writeReportView(store, name);
}
