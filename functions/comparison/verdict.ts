/** @file The sentence on top: which arm is better, by which number, and how sure that is. */
import { joinWords } from '../../configs/join-words.ts';
import { quantity } from '../../configs/quantity.ts';
import type { EqualView, MeasureRow, Verdict } from './comparison-report.ts';
import type { Difference } from './differences.ts';
import { formatInterval, formatNumber } from './format-numbers.ts';
import type { CostName } from './read-run.ts';

export const EQUAL_WORDS: Readonly<Record<CostName, string>> = {
  samples: 'equal samples',
  seconds: 'equal seconds',
  flops: 'equal FLOPs',
};

/** What decides, best first: a measure of quality that all arms have in a view. Rates and memory never decide. */
const DECIDING = [
  /^reconstruction\/lpips/,
  /^reconstruction\//,
  /\/kid$/,
  /^text\//,
  /^held_out_loss$/,
  /^loss$/,
] as const;

/** @param arms Names, the baseline first. */
export function judgeArms(views: readonly EqualView[], arms: readonly string[]): Verdict {
  const [baseline = '', ...others] = arms;
  if (others.length === 0) return { sentence: `There is nothing to compare ${baseline} with.`, better: null };
  const measure = chooseMeasure(views, arms);
  if (measure === undefined)
    return {
      sentence: 'It cannot be told which is better: no measure of quality is in all arms with one meaning.',
      better: null,
    };
  const rows = views.flatMap(view => {
    const row = usableRows(view, others).find(each => each.measure === measure);
    return row ? [{ at: view.at, row }] : [];
  });
  const [first] = rows;
  if (first === undefined) return { sentence: 'It cannot be told which is better.', better: null };
  const sentence =
    others.length === 1 ? judgePair(rows, baseline, others[0] ?? '') : judgeMany(first, baseline, others);
  return { sentence: sentence.text, better: sentence.better, measure };
}

/** Arms that are compared by time may share a validation at their ends alone, in the view at equal seconds. */
function chooseMeasure(views: readonly EqualView[], [, ...others]: readonly string[]): string | undefined {
  const usable = views.flatMap(view => usableRows(view, others));
  for (const pattern of DECIDING) {
    const found = usable.find(({ measure }) => pattern.test(measure));
    if (found) return found.measure;
  }
  return undefined;
}

/** Numbers of quality that all arms have, with one meaning. */
function usableRows({ rows }: EqualView, others: readonly string[]): MeasureRow[] {
  return rows.filter(
    row => row.better && others.every(arm => row.differences[arm] && !row.differences[arm]?.incomparable),
  );
}

interface RowAt {
  readonly at: CostName;
  readonly row: MeasureRow;
}

function judgePair(rows: readonly RowAt[], baseline: string, arm: string) {
  const found = rows.flatMap(({ at, row }) => {
    const difference = row.differences[arm];
    return difference ? [{ at, row, difference, winner: winnerOf(row, difference, baseline, arm) }] : [];
  });
  const [first] = found;
  if (first === undefined) return { text: `${arm} and ${baseline} share no measure.`, better: null };
  const agree = found.filter(
    ({ winner, difference }) => winner === first.winner && difference.real === first.difference.real,
  );
  const others = found.filter(each => !agree.includes(each));
  const where = joinWords(agree.map(({ at }) => EQUAL_WORDS[at]));
  const numbers = describeNumbers(first.row, first.difference, baseline, arm);
  const rest = others
    .map(({ at, row, difference, winner }) => ` At ${EQUAL_WORDS[at]} ${sayShort(row, difference, winner)}.`)
    .join('');
  const text = `${sayPair(first.difference, first.winner, baseline, arm)} at ${where}: ${numbers}.${rest}`;
  return { text, better: first.difference.real === 'yes' ? (first.winner ?? null) : null };
}

/** The arm with the better number, however sure that is. */
function winnerOf({ better }: MeasureRow, { mean }: Difference, baseline: string, arm: string): string | undefined {
  if (mean === 0) return undefined;
  return mean < 0 === (better === 'lower') ? arm : baseline;
}

function sayPair({ real }: Difference, winner: string | undefined, baseline: string, arm: string): string {
  const loser = winner === arm ? baseline : arm;
  if (winner === undefined) return `${arm} and ${baseline} are equal`;
  if (real === 'yes') return `${winner} is better than ${loser}`;
  if (real === 'no') return `No difference between ${arm} and ${baseline} can be told`;
  return `${winner} looks better than ${loser}`;
}

function sayShort(row: MeasureRow, difference: Difference, winner: string | undefined): string {
  const by = formatInterval(difference, row.unit);
  if (winner === undefined) return 'they are equal';
  if (difference.real === 'yes') return `${winner} is better (${by})`;
  return difference.real === 'no' ? `no difference can be told (${by})` : `${winner} looks better (${by})`;
}

/** The better number first, as the sentence names its arm first. */
function describeNumbers(row: MeasureRow, difference: Difference, baseline: string, arm: string): string {
  const first = winnerOf(row, difference, baseline, arm) ?? arm;
  const second = first === arm ? baseline : arm;
  const tell = (name: string) => `${name} ${formatNumber(row.arms[name]?.mean)}${unitOf(row)}`;
  const values = `${row.label}, ${tell(first)}, ${tell(second)}`;
  const change = `${arm} less ${baseline} ${formatInterval(difference, row.unit)}`;
  return `${values} (${change})${sayDoubt(difference)}`;
}

const unitOf = ({ unit }: MeasureRow) => (unit === '' ? '' : ` ${unit}`);

/** Why a difference is not called real although one is seen. */
function sayDoubt({ real, low, seeds_sd, mean, by, of = 0 }: Difference): string {
  if (real === 'yes') return by === 'pictures' ? ` over ${quantity(of, 'picture')}` : ` over ${quantity(of, 'run')}`;
  if (low === undefined) return '; one run of each tells no interval, so other seeds may say the contrary';
  if (real === 'unknown') return '; other seeds were not tried, so it is not called real';
  return seeds_sd !== undefined && Math.abs(mean) <= seeds_sd ? `; seeds differ by ${formatNumber(seeds_sd)}` : '';
}

function judgeMany({ at, row }: RowAt, baseline: string, others: readonly string[]) {
  const all = [baseline, ...others].flatMap(name => {
    const summary = row.arms[name];
    return summary ? [{ name, mean: summary.mean }] : [];
  });
  const sign = row.better === 'higher' ? -1 : 1;
  const [best] = all.toSorted((a, b) => sign * (a.mean - b.mean));
  if (best === undefined) return { text: 'No arm was measured.', better: null };
  const said = others.map(arm => {
    const difference = row.differences[arm];
    if (difference === undefined) return `${arm} was not measured`;
    const word = { yes: difference.better ? 'better' : 'worse', no: 'no difference', unknown: 'not sure' }[
      difference.real
    ];
    return `${arm} ${formatInterval(difference, row.unit)} (${word})`;
  });
  const against = best.name === baseline ? undefined : row.differences[best.name];
  const head = `Of ${all.length} arms ${best.name} has the best ${row.label} at ${EQUAL_WORDS[at]}: ${formatNumber(best.mean)}${unitOf(row)}`;
  return {
    text: `${head}. Against ${baseline} (${formatNumber(row.arms[baseline]?.mean)}): ${said.join(', ')}.`,
    better: against?.real === 'yes' ? best.name : null,
  };
}
