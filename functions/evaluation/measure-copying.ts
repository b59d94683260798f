/**
 * @file Task of the worker pool: how near drawn pictures are to training pictures, as a set: the share of authentic
 * ones and the test of data-copying, beside those of held-out pictures.
 */
import type { AuthenticShare, CopyingMeasures } from '../../configs/memorization.ts';
import { wilson } from '../../data/portraits/statistics.ts';
import { authenticRows } from '../../metrics/authenticity.ts';
import { assignCells, partition } from '../../metrics/cells.ts';
import { dataCopying } from '../../metrics/data-copying.ts';
import { type Features, rowsOf, takeRows } from '../../metrics/features.ts';
import { spreadIndexes } from '../../numerics/spread-indexes.ts';

/** As in dgm-eval: cells, and drawn pictures that a cell needs more of to count. */
const CELLS = 3;
const LEAST = 20;
/** Training pictures, evenly spread, from which the cells are found. */
const MOST_PARTED = 5000;

export interface MeasureCopyingTask {
  readonly drawn: Features;
  /** Absent: there are none. */
  readonly heldOut?: Features;
  readonly training: Features;
  /** The cluster of near-duplicates of each training picture. */
  readonly clusters: readonly string[];
}

export function measureCopying({ drawn, heldOut, training, clusters }: MeasureCopyingTask): CopyingMeasures {
  const own = shareOf(authenticRows(drawn, training, clusters));
  const others = heldOut && shareOf(authenticRows(heldOut, training, clusters));
  return {
    authentic: own ? { drawn: own, held_out: others ?? null } : null,
    data_copying: heldOut ? testCopying(drawn, heldOut, training) : null,
  };
}

function shareOf(flags: readonly boolean[] | undefined): AuthenticShare | undefined {
  if (flags === undefined) return undefined;
  const [pictures, authentic] = [flags.length, flags.filter(Boolean).length];
  return { pictures, authentic, rate: authentic / pictures, ...wilson(authentic, pictures) };
}

/** The drawn pictures against the held-out ones; and of these every other one against the rest, which is the floor. */
function testCopying(drawn: Features, heldOut: Features, training: Features): CopyingMeasures['data_copying'] {
  const spread = spreadIndexes(rowsOf(training), MOST_PARTED);
  const centers = partition(takeRows(training, spread), CELLS, 0);
  const celled = (features: Features) => ({ features, cells: assignCells(features, centers) });
  const trained = celled(training);
  const compare = (first: Features, second: Features) =>
    dataCopying({ drawn: celled(first), heldOut: celled(second), training: trained }, LEAST) ?? null;
  const half = (parity: number) =>
    takeRows(
      heldOut,
      Array.from({ length: rowsOf(heldOut) }, (_, row) => row).filter(row => row % 2 === parity),
    );
  return {
    drawn: compare(drawn, heldOut),
    held_out: rowsOf(heldOut) > 2 * LEAST ? compare(half(0), half(1)) : null,
  };
}
