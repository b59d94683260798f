/** @file Decides which pictures are left out: by a person's decision, by the rules, as near-duplicates. */
import type { Item } from '../../storage/records.ts';
import type { Decisions, Selection } from './approvals.ts';
import type { CurationRecord } from './curation-record.ts';
import { judge, type Rules, type Verdict } from './rules.ts';

const DROPPED: Verdict = { reason: 'dropped in the list of approvals', group: 'dropped in the list of approvals' };

/**
 * A decision of a person stands above all rules. A near-duplicate is counted among the pictures of its cluster that
 * stay, so a picture whose first one is left out takes its place.
 * @param records By id; empty: no rule reads measures.
 * @returns What to leave out, in the order of the items.
 */
export function selectPictures(
  items: readonly Item[],
  records: ReadonlyMap<string, CurationRecord>,
  { keep, drop }: Decisions,
  rules: Rules,
): Selection['drop'] {
  const [kept, dropped] = [new Set(keep), new Set(drop)];
  const verdicts = new Map<string, Verdict>();
  for (const { id } of items) {
    const record = records.get(id);
    if (dropped.has(id)) verdicts.set(id, DROPPED);
    else if (record && !kept.has(id)) {
      const verdict = judge(rules, record);
      if (verdict) verdicts.set(id, verdict);
    }
  }
  if (rules.duplicate) {
    const { max } = rules.duplicate;
    const staying = items.filter(({ id }) => !verdicts.has(id));
    for (const members of Map.groupBy(staying, ({ id, cluster = id }) => cluster).values()) {
      const [first] = members;
      // Pictures that a person keeps count, but stay.
      for (const [place, { id }] of members.entries()) {
        if (first && place > max && !kept.has(id)) verdicts.set(id, sayDuplicate(first, max));
      }
    }
  }
  return items.flatMap(({ id }) => {
    const verdict = verdicts.get(id);
    return verdict ? [{ id, ...verdict }] : [];
  });
}

function sayDuplicate({ name }: Item, max: number): Verdict {
  const group = `nearly equal to another; at most ${max} beside it stay (rules.duplicate.max)`;
  return { reason: `it nearly equals ${name}; at most ${max} beside it stay (rules.duplicate.max)`, group };
}
