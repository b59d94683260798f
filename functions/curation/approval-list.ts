/** @file The list of approvals of a dataset: read, changed by compare-and-swap, and made into decisions. */
import { listSome, quantity } from '../../configs/quantity.ts';
import { Conflict, PreconditionFailed, Unprocessable } from '../../errors.ts';
import type { Approval, Approvals } from '../../storage/approval-record.ts';
import { backoffMs, type RetryTiming } from '../../storage/backoff.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readAllItems, readItems } from '../../storage/blobs/items.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { type Digest, hexOf, isDigest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { DatasetHead, Item } from '../../storage/records.ts';
import type { BlobStore, Etag, ObjectStore } from '../../storage/types.ts';
import type { Decisions } from './approvals.ts';
import { isByRule } from './rules.ts';

/** Stands for the version of a list that nobody has written. */
const NO_LIST = '0';
const ID_DIGITS = 16;
const READ_WIDTH = 16;
const MAX_ROUNDS = 8;
const MAX_NAMED = 10;
const MAX_DETAILS = 100;
/** Letters of a name that no picture has. */
const LONGEST_SHOWN = 200;
const EMPTY: Approvals = { v: 1, pictures: {} };

/** What a caller says about a picture; undefined: it is undecided. */
export type Decided = Pick<Approval, 'decision' | 'note'> | undefined;

export interface ApprovalSite {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
}

export interface VersionedApprovals {
  readonly value: Approvals;
  /** {@link NO_LIST} if there is no list. */
  readonly etag: Etag | typeof NO_LIST;
}

export async function readApprovals(store: ObjectStore, dataset: string): Promise<VersionedApprovals> {
  return (await createRefs(store).approvals.read(dataset)) ?? { value: EMPTY, etag: NO_LIST };
}

export interface ChangeOptions {
  /** The quoted etag of the version that may be changed. Absent: any. */
  readonly ifMatch?: string | undefined;
  /** Whether pictures that the change does not name become undecided. */
  readonly replaces: boolean;
}

/**
 * Changes the list. A change of single pictures is made again on the newer list if somebody else wrote meanwhile.
 * @param changes By id, name in the dataset, or digest of the original.
 * @throws Unprocessable naming the pictures that the dataset does not have, PreconditionFailed
 */
export async function changeApprovals(
  site: ApprovalSite,
  dataset: string,
  head: DatasetHead,
  changes: Readonly<Record<string, Decided>>,
  { ifMatch, replaces }: ChangeOptions,
  { clock = SYSTEM_CLOCK, random = Math.random }: RetryTiming = {},
): Promise<VersionedApprovals> {
  const resolved = resolveKeys(await readKnown(site.blobs, head), changes, dataset);
  const { approvals } = createRefs(site.store);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = await approvals.read(dataset);
    checkVersion(ifMatch, before?.etag ?? NO_LIST);
    const pictures: Record<string, Approval> = { ...(replaces ? {} : before?.value.pictures) };
    for (const [id, { name, decided }] of resolved) {
      if (decided === undefined) delete pictures[id];
      else pictures[id] = { ...decided, name };
    }
    const value: Approvals = { v: 1, pictures };
    try {
      return before
        ? await approvals.compareAndSwap(dataset, before.etag, value)
        : await approvals.create(dataset, value);
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
      if (ifMatch === undefined) await clock.sleep(backoffMs(round, random));
    }
  }
  throw new Conflict(`others keep changing the approvals of "${dataset}"`, { hint: 'repeat the call' });
}

function checkVersion(asked: string | undefined, current: string): void {
  if (asked === undefined || asked === `"${current}"` || (asked === '*' && current !== NO_LIST)) return;
  throw new PreconditionFailed('If-Match names another version of the approvals', {
    expected: `If-Match: "${current}"`,
    hint: 'GET the approvals again, then decide',
  });
}

/** All pictures that the last import has, and those of the dataset, with removed ones. */
async function readKnown(blobs: BlobStore, { dataset, originals }: DatasetHead): Promise<Item[]> {
  const read = async (digest: Digest) => {
    const { pages } = await readDataset(blobs, digest);
    return (await mapBounded(pages, { width: READ_WIDTH }, page => readItems(blobs, page))).flat();
  };
  const all = [...(originals ? await read(originals) : []), ...(await read(dataset))];
  return [...new Map(all.map(item => [item.id, item])).values()];
}

function resolveKeys(known: readonly Item[], changes: Readonly<Record<string, Decided>>, dataset: string) {
  const byId = new Map(known.map(item => [item.id, item]));
  const byName = new Map(known.map(item => [item.name, item]));
  const resolved = new Map<string, { readonly key: string; readonly name: string; readonly decided: Decided }>();
  const unknown: string[] = [];
  for (const [key, decided] of Object.entries(changes)) {
    const item = byId.get(isDigest(key) ? hexOf(key).slice(0, ID_DIGITS) : key) ?? byName.get(key);
    if (item === undefined) {
      unknown.push(key.slice(0, LONGEST_SHOWN));
      continue;
    }
    const other = resolved.get(item.id);
    if (other && JSON.stringify(other.decided) !== JSON.stringify(decided)) {
      throw new Unprocessable(`"${other.key}" and "${key}" are one picture, with two decisions`, {
        expected: 'each picture once',
      });
    }
    resolved.set(item.id, { key, name: item.name, decided });
  }
  if (unknown.length === 0) return resolved;
  throw new Unprocessable(
    `${quantity(unknown.length, 'picture is', 'pictures are')} not in "${dataset}": ${listSome(unknown, MAX_NAMED, unknown.length)}`,
    {
      expected: 'ids, names in the dataset, or digests of originals; nothing was changed',
      hint: `GET /datasets/${dataset}/items lists ids and names`,
      details: { unknown: unknown.slice(0, MAX_DETAILS) },
    },
  );
}

/** For people and programs: the decisions, and how many of them the dataset does not show yet. */
export async function describeApprovals({ blobs }: ApprovalSite, head: DatasetHead, { pictures }: Approvals) {
  const known = await readKnown(blobs, head);
  const ids = new Map(known.map(({ id, name }) => [id, name]));
  const dataset = await readDataset(blobs, head.dataset);
  const staying = new Set((await readAllItems(blobs, dataset)).map(({ id }) => id));
  // A limit of a stage stands above the list.
  const limited = new Set(dataset.rejects.flatMap(({ id = '', reason }) => (isByRule(reason) ? [] : [id])));
  const entries = Object.entries(pictures).map(([id, approval]) => {
    const name = ids.get(id);
    return [id, { ...approval, name: name ?? approval.name, present: name !== undefined }] as const;
  });
  const present = entries.filter(([, { present }]) => present);
  const count = (decision: Approval['decision']) => present.filter(([, each]) => each.decision === decision).length;
  const [keep, drop] = [count('keep'), count('drop')];
  return {
    counts: { keep, drop, undecided: known.length - keep - drop },
    /** Decisions that the next `prepare` will bring into the dataset. */
    pending: present.filter(([id, { decision }]) => !limited.has(id) && staying.has(id) !== (decision === 'keep'))
      .length,
    pictures: Object.fromEntries(entries),
  };
}

/** Stores the decisions on pictures that are there. Undefined: there are none. */
export async function putDecisions(
  blobs: BlobStore,
  { pictures }: Approvals,
  items: readonly Item[],
): Promise<Digest | undefined> {
  const ids = items.map(({ id }) => id).toSorted();
  const of = (decision: Approval['decision']) => ids.filter(id => pictures[id]?.decision === decision);
  const decisions: Decisions = { v: 1, kind: 'decisions', keep: of('keep'), drop: of('drop'), links: [] };
  if (decisions.keep.length + decisions.drop.length === 0) return undefined;
  return (await putDocument(blobs, decisions)).digest;
}
