/** @file What the runs are compared by: one row for each number, with the direction in which it is better. */
import type { Json } from '../../storage/canonical.ts';
import { energyOf, memoryOf, processorSecondsOf } from './chunk-costs.ts';
import type { Border, RunRecord } from './read-run.ts';
import type { ControlRow, Measured, Scored } from './scored.ts';

export interface Measure {
  readonly key: string;
  readonly label: string;
  /** Empty: a plain number. */
  readonly unit: string;
  /** Absent: neither is better, such as of a gap. */
  readonly better?: 'lower' | 'higher';
  /** What the number depends on beside the weights. Runs that differ in it cannot be compared by it. */
  meaning?(run: RunRecord, border: Border): Json;
  /** The same number of what no model drew, where the run tells it. */
  controls?(run: RunRecord, border: Border): readonly ControlRow[];
  /** Undefined: this run does not tell it. */
  of(run: RunRecord, border: Border): Measured | undefined;
}

/** Share of the steps up to a border over which the training loss is averaged, so that one batch decides nothing. */
const TAIL = 0.1;
/** The slope of the loss leaves out the first steps, in which it falls from that of an untrained network. */
const SLOPE_FROM = 0.1;

const plain = (value: number | undefined): Measured | undefined =>
  value !== undefined && Number.isFinite(value) ? { value } : undefined;

/** What a flow-matching loss on given pictures, noise and times depends on, by the keys of a config. */
function settingsOfLoss({ dataset, settings: { model, objective } }: RunRecord) {
  const { prediction_type, loss_space, min_snr_gamma, t_clamp, noise_scale, noise_reference_side } = objective;
  const { mask, cfg_dropout } = objective;
  return {
    dataset,
    model: { conditions: model.conditions },
    objective: {
      prediction_type,
      loss_space,
      min_snr_gamma,
      t_clamp,
      noise_scale,
      noise_reference_side,
      mask,
      cfg_dropout,
    },
  };
}

/** That of a training depends on the drawn times and on the size of its pictures, too. */
function meaningOfTraining(run: RunRecord) {
  const { logit_normal_mean, logit_normal_std, uniform_share, time_shift, masking } = run.settings.objective;
  const { batch_size: _, ...data } = run.settings.data;
  const { objective, ...settings } = settingsOfLoss(run);
  return asJson({
    ...settings,
    objective: { ...objective, logit_normal_mean, logit_normal_std, uniform_share, time_shift, masking },
    data,
  });
}

/** A mean over other pictures is another number. */
function meaningOfHeldOut(run: RunRecord, border: Border) {
  const { heldOutPictures: pictures } = lastMeasured(run, border) ?? {};
  return asJson({ ...settingsOfLoss(run), run: { validation: { pictures } } });
}

/** Without keys that are undefined. */
const asJson = (value: object): Json => JSON.parse(JSON.stringify(value));

export const HELD_OUT_LOSS: Measure = {
  key: 'held_out_loss',
  label: 'loss on held-out pictures',
  unit: '',
  better: 'lower',
  meaning: meaningOfHeldOut,
  of: (run, border) => plain(lastMeasured(run, border)?.heldOutLoss),
};

/** The last border up to this one at which the loss on held-out pictures was measured. */
function lastMeasured({ borders }: RunRecord, { step }: Border): Border | undefined {
  return borders.findLast(border => border.step <= step && border.heldOutLoss !== undefined);
}

/** Those that every run may have; scores of a validation come beside them. */
export const RUN_MEASURES: readonly Measure[] = [
  HELD_OUT_LOSS,
  {
    key: 'loss_gap',
    label: 'held-out loss less that of trained pictures',
    unit: '',
    meaning: meaningOfHeldOut,
    of(run, border) {
      const { heldOutLoss, trainLoss } = lastMeasured(run, border) ?? {};
      return plain(heldOutLoss === undefined || trainLoss === undefined ? undefined : heldOutLoss - trainLoss);
    },
  },
  {
    key: 'loss',
    label: 'training loss, mean of the last tenth of the steps',
    unit: '',
    better: 'lower',
    meaning: meaningOfTraining,
    of: (run, { step }) => plain(meanLoss(run, step * (1 - TAIL), step)),
  },
  {
    key: 'loss_slope',
    label: 'slope of the training loss, in powers of ten per tenfold samples',
    unit: '',
    better: 'lower',
    meaning: meaningOfTraining,
    of: (run, { step }) => plain(slopeOfLoss(run, step)),
  },
  {
    key: 'speed',
    label: 'steps per second',
    unit: '',
    better: 'higher',
    of: (run, { step, seconds }) => plain(seconds ? (step - (run.chunks[0]?.from ?? 0)) / seconds : undefined),
  },
  {
    key: 'processor',
    label: 'processor time of a step',
    unit: 's',
    better: 'lower',
    of: (run, { step }) => plain(processorTimeOf(run, step)),
  },
  {
    key: 'memory',
    label: 'memory: peak of the device, or that of the gpu-runner at the ends of chunks',
    unit: 'GB',
    better: 'lower',
    of: ({ chunks }, { step }) => plain(memoryOf(chunks.filter(({ to }) => to <= step))),
  },
  {
    key: 'energy',
    label: 'energy of processors and card, with other programs on the machine',
    unit: 'kWh',
    better: 'lower',
    of: ({ chunks }, { step }) => plain(energyOf(chunks.filter(({ to }) => to <= step))),
  },
];

/** Those of the documents of checkpoints, in the order in which runs have them. */
export function evidenceMeasures(runs: readonly RunRecord[]): readonly Measure[] {
  const known = new Map<string, Scored>();
  for (const scored of runs.flatMap(run => run.borders.flatMap(({ evidence }) => evidence))) {
    if (!known.has(scored.key)) known.set(scored.key, scored);
  }
  return [...known.values()].map(({ key, label, better }) => ({
    key,
    label,
    unit: '',
    ...(better && { better }),
    meaning: (run, { step }) => lastScored(run, step, key)?.meaning ?? null,
    controls: (run, { step }) => lastScored(run, step, key)?.controls ?? [],
    of: (run, { step }) => lastScored(run, step, key)?.measured,
  }));
}

/** Of the last border up to a step that has it: a validation is not at every border. */
function lastScored({ borders }: RunRecord, step: number, key: string): Scored | undefined {
  const found = borders.filter(border => border.step <= step).flatMap(({ evidence }) => evidence);
  return found.findLast(scored => scored.key === key);
}

/** By its key, or by the test alone: `reconstruction` is the first of `reconstruction/...`. */
export function findMeasure(measures: readonly Measure[], key: string): Measure | undefined {
  const wanted = key.replace(/\/features$/, '/feature_distance');
  return (
    measures.find(measure => measure.key === wanted) ?? measures.find(measure => measure.key.startsWith(`${wanted}/`))
  );
}

function pointsUpTo(run: RunRecord, after: number, step: number) {
  return run.points.flatMap(point =>
    point.step > after && point.step <= step && point.loss !== null ? [{ ...point, loss: point.loss }] : [],
  );
}

/** The mean of the finite losses of the steps (after, step]. */
export function meanLoss(run: RunRecord, after: number, step: number): number | undefined {
  const points = pointsUpTo(run, after, step);
  return points.length === 0 ? undefined : points.reduce((sum, { loss }) => sum + loss, 0) / points.length;
}

/** Least squares of log10(loss) over log10(samples). */
function slopeOfLoss(run: RunRecord, step: number): number | undefined {
  const points = pointsUpTo(run, step * SLOPE_FROM, step).filter(({ loss }) => loss > 0);
  if (points.length < 3) return undefined;
  const [xs, ys] = [points.map(({ samples }) => Math.log10(samples)), points.map(({ loss }) => Math.log10(loss))];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(xs), mean(ys)];
  const spread = xs.reduce((sum, each) => sum + (each - x) ** 2, 0);
  return spread === 0 ? undefined : xs.reduce((sum, each, i) => sum + (each - x) * ((ys[i] ?? y) - y), 0) / spread;
}

/** Seconds per step. Other programs on the machine hardly change it. */
function processorTimeOf({ chunks }: RunRecord, step: number): number | undefined {
  const upTo = chunks.filter(({ to }) => to <= step);
  const steps = upTo.reduce((sum, { from, to }) => sum + to - from, 0);
  const seconds = processorSecondsOf(upTo);
  return seconds === undefined ? undefined : seconds / steps;
}
