/** @file The answer of GET /actions/DIGEST/lineage. */
import { z } from 'zod';

const stepSchema = z.looseObject({
  action: z.string(),
  function: z.string(),
  version: z.int(),
  body: z.json(),
  outputs: z.record(z.string(), z.string()),
  seconds: z.number().optional(),
  stale: z.string().optional(),
});
export type Step = z.infer<typeof stepSchema>;

export const lineageSchema = z.looseObject({
  v: z.literal(1),
  action: z.string(),
  from: z.string(),
  steps: z.array(stepSchema),
  leaves: z.array(
    z.looseObject({
      digest: z.string(),
      size: z.int(),
      media_type: z.string(),
      role: z.string(),
      text: z.string().optional(),
    }),
  ),
  holes: z.array(z.looseObject({ digest: z.string(), role: z.string(), needed_by: z.string().optional() })),
});
export type Lineage = z.infer<typeof lineageSchema>;

/** The steps and leaves of several lineages, each once. */
export function uniteLineages(all: readonly Lineage[]): Pick<Lineage, 'steps' | 'leaves' | 'holes'> {
  const once = <T>(lists: readonly (readonly T[])[], key: (each: T) => string): T[] => [
    ...new Map(lists.flat().map(each => [key(each), each])).values(),
  ];
  return {
    steps: once(
      all.map(({ steps }) => steps),
      ({ action }) => action,
    ),
    leaves: once(
      all.map(({ leaves }) => leaves),
      ({ digest }) => digest,
    ),
    holes: once(
      all.map(({ holes }) => holes),
      ({ digest }) => digest,
    ),
  };
}

/** `train-chunk 0-4`, `bucket`. */
export function nameOf({ function: name, body }: Step): string {
  const range = z.object({ from: z.int(), to: z.int() }).safeParse(body).data;
  return name === 'train-chunk' && range ? `${name} ${range.from}-${range.to}` : name;
}
