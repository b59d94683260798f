/** @file A model of a server that is asked about pictures: keys of a call. */
import { z } from 'zod';

/** Both are optional: the environment may name a model. */
export const askedModelShape = {
  model: z
    .string()
    .regex(/^[\w./:@-]{1,200}$/, 'expected the name of a model, such as gemma3:27b')
    .optional()
    .describe('name of the model; default: that of the environment, else gemma3:27b for ollama'),
  model_digest: z
    .string()
    .regex(/^[0-9a-f]{12,64}$/, 'expected 12 to 64 hexadecimal digits, as `ollama list` shows them')
    .optional()
    .describe('digest that the model of ollama must have; without it, the name alone tells the model'),
};

/** A refinement of such a call with the key `source`. */
export const onlyOllamaTellsDigests = {
  check: ({ source, model_digest: digest }: { readonly source: string; readonly model_digest?: string | undefined }) =>
    source === 'ollama' || digest === undefined,
  params: { error: 'only ollama tells the digests of its models', path: ['model_digest'] },
};
