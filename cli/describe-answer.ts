/** @file What an answer says to people, as lines for a terminal: its summary, or else its notes. */
import { z } from 'zod';
import { plainLine } from '../configs/plain-text.ts';

/** Most pictures that the line of a note names. */
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
  summary: z.array(z.string()).optional(),
  notes: notesSchema.optional(),
  stats: z.looseObject({ notes: notesSchema.optional() }).optional(),
});

/** None for an answer that has neither. A summary says what the notes say. */
export function describeAnswer(answer: unknown): string[] {
  const { data } = answerSchema.safeParse(answer);
  if (data?.summary) return data.summary.map(line => `- ${plainLine(line)}`);
  return (data?.notes ?? data?.stats?.notes ?? []).map(({ text, count, examples }) => {
    const named = examples.slice(0, MAX_NAMED).map(example => `${example.name} (${example.text})`);
    const more = named.length > 0 && count > named.length ? ', ...' : '';
    return plainLine(`note: ${text}${named.length > 0 ? `: ${named.join(', ')}${more}` : ''}`);
  });
}
