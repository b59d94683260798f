/**
 * @file Edits of the captions of bundled sets, whose pictures can be measured: then an edit says which attribute must
 * change. Captions of other sets get the edits of the seed.
 */
import { type CaptionEdit, SEED_EDITS } from '../../configs/caption-edits.ts';
import { BACKGROUNDS as FIGURE_BACKGROUNDS } from '../../data/figures/palette.ts';
import { BACKGROUNDS } from '../../data/portraits/palette.ts';
import type { Item } from '../../storage/records.ts';
import { findProbe } from './probes.ts';

/** An edit with the attribute that it changes, by name and new value. */
export interface KnownEdit extends CaptionEdit {
  readonly attribute?: { readonly name: string; readonly value: string };
}

/** Each background becomes another one, so far away in the table that their colours differ. */
function editsOfBackground(names: readonly string[]): KnownEdit[] {
  return names.flatMap((name, i) => {
    const value = names[(i + 3) % names.length] ?? name;
    return ['background', 'wall'].map(noun => ({
      from: `${name} ${noun}`,
      to: `${value} ${noun}`,
      attribute: { name: 'background', value },
    }));
  });
}

const OF_PORTRAITS = editsOfBackground(Object.keys(BACKGROUNDS));
const OF_FIGURES = editsOfBackground(Object.keys(FIGURE_BACKGROUNDS));

/** The edits that are tried on the caption of a picture when none are asked for. */
export function editsFor({ attributes }: Pick<Item, 'attributes'>): readonly KnownEdit[] {
  const probe = findProbe(attributes);
  if (probe === undefined) return SEED_EDITS;
  return probe.set === 'figures' ? OF_FIGURES : OF_PORTRAITS;
}
