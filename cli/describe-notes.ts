/** @file The notes in an answer, as lines for a terminal: what a stage decided by itself. */
import { z } from 'zod';

/** Most pictures that a line names. */
const MAX_NAMED = 3;

const notesSchema = z.array(
  z.looseObject({
    text: z.string(),
    count: z.int(),
    examples: z.array(z.looseObject({ name: z.string(), text: z.string() })),
  }),
);

/** An effect answers with notes; the result of a pure function has them among its stats. */
const answerSchema = z.looseObject({
  notes: notesSchema.optional(),
  stats: z.looseObject({ notes: notesSchema.optional() }).optional(),
});

/** A line for each note, with the worst pictures; none for an answer without notes. */
export function describeNotes(answer: unknown): string[] {
  const { data } = answerSchema.safeParse(answer);
  return (data?.notes ?? data?.stats?.notes ?? []).map(({ text, count, examples }) => {
    const named = examples.slice(0, MAX_NAMED).map(example => `${example.name} (${example.text})`);
    const more = count > named.length ? ', ...' : '';
    return `note: ${text}${named.length > 0 ? `: ${named.join(', ')}${more}` : ''}`;
  });
}
