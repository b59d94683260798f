/** @file A training whose pictures grow: `data.resolution_schedule`. */
import { z } from 'zod';
import { MOST_SAMPLES } from './bounds.ts';
import { type DividedModel, sideUnitOf } from './side-unit.ts';

const MOST_PHASES = 16;

export const resolutionScheduleSchema = z
  .array(
    z.strictObject({
      /** Update before which the pictures have this scale, if no earlier entry holds. */
      until_step: z.int().positive().max(MOST_SAMPLES),
      /** Factor of the sides of pictures; 1: as they are stored. */
      scale: z
        .number()
        .min(1 / 64)
        .max(1),
    }),
  )
  .min(1)
  .max(MOST_PHASES)
  .refine(phases => phases.every(({ until_step }, i) => i === 0 || until_step > (phases[i - 1]?.until_step ?? 0)), {
    error: 'expected rising until_step',
  });

/** Of `data`. */
interface Scheduled {
  readonly batch_size: number;
  readonly resolution_schedule?: z.infer<typeof resolutionScheduleSchema> | undefined;
}

/** The scale of the update with the sample of that ordinal; 1 after the schedule. */
export function scaleAt(ordinal: number, { batch_size, resolution_schedule: phases = [] }: Scheduled): number {
  return phases.find(({ until_step }) => ordinal < until_step * batch_size)?.scale ?? 1;
}

/** Every scale that a training has, in the order of its phases, with the number of its updates. */
export function phasesOf(updates: number, { resolution_schedule: phases = [] }: Scheduled) {
  let from = 0;
  return [...phases, { until_step: updates, scale: 1 }].flatMap(({ until_step, scale }) => {
    const until = Math.min(until_step, updates);
    const own = { scale, updates: until - from };
    from = Math.max(from, until);
    return own.updates > 0 ? [own] : [];
  });
}

/** The scales of a training from the update after `samples` on, each once. */
export function scalesAfter(samples: number, total: number, data: Scheduled): number[] {
  const { batch_size, resolution_schedule: phases = [] } = data;
  const starts = [samples, ...phases.map(({ until_step }) => until_step * batch_size)];
  return [
    ...new Set(starts.filter(at => at >= samples && at < Math.max(total, samples + 1)).map(at => scaleAt(at, data))),
  ];
}

/** A size at a scale: the nearest sides that divide into the model's patches and into cells of patch features. */
export function scaledSize<S extends { readonly width: number; readonly height: number }>(
  size: S,
  scale: number,
  model: DividedModel,
): S {
  if (scale === 1) return size;
  const unit = sideUnitOf(model);
  const side = (pixels: number) => Math.max(1, Math.round((pixels * scale) / unit)) * unit;
  return { ...size, width: side(size.width), height: side(size.height) };
}
