/** @file What a call says about the model that answers yes-or-no questions. */
import { z } from 'zod';
import { InvalidInput } from '../errors.ts';
import { askedModelShape, onlyOllamaTellsDigests } from './asked-model.ts';

/** Place of the caption in a question. */
const PLACE = '{caption}';
export const VQA_QUESTION = `Does this picture show: ${PLACE}? Answer yes or no.`;

/** Keys of `vqa-score`, and of `vqa` in other calls. */
export const vqaShape = {
  source: z.enum(['ollama', 'openai']).describe('the server of models that EASEL_OLLAMA or EASEL_OPENAI names'),
  ...askedModelShape,
  question: z
    .string()
    .trim()
    .max(2000)
    .refine(text => text.split(PLACE).length === 2, {
      error: `expected a question with the place ${PLACE}, once, as in: ${VQA_QUESTION}`,
    })
    .optional()
    .describe(`a question that yes or no answers, with the place ${PLACE} (default: ${VQA_QUESTION})`),
};

/** The model that is asked, as `vqa-score` takes it. */
export interface AskedModel {
  readonly source: 'ollama' | 'openai';
  readonly model: string;
  readonly model_digest?: string;
  readonly question?: string;
}

/**
 * With the model of the environment, if the call names none.
 * @param models Of the environment, by source. @throws InvalidInput if nothing names a model.
 */
export function completeAsked(
  { source, model_digest, question, ...given }: z.output<z.ZodObject<typeof vqaShape>>,
  models: Readonly<Partial<Record<AskedModel['source'], string>>>,
): AskedModel {
  const { model = models[source] } = given;
  if (model === undefined) throw noModel(source);
  return { source, model, ...(model_digest !== undefined && { model_digest }), ...(question && { question }) };
}

/** `gemma3:27b (ollama)` */
export function nameAsked({ model, source }: AskedModel): string {
  return `${model} (${source})`;
}

/** The key `vqa` of a call that asks about all its pictures. */
export const askedSchema = z.strictObject(vqaShape).refine(onlyOllamaTellsDigests.check, onlyOllamaTellsDigests.params);

/** The same of a call that asks about some of its pictures. */
export const vqaSchema = z
  .strictObject({
    ...vqaShape,
    samples: z
      .int()
      .min(1)
      .max(10_000)
      .default(64)
      .describe('pictures of each row that the model is asked about: two questions each'),
  })
  .refine(onlyOllamaTellsDigests.check, onlyOllamaTellsDigests.params);

/** The question about a picture. */
export function fillQuestion(question: string, caption: string): string {
  return question.replace(PLACE, () => caption.trim().replace(/[\s.]+$/, ''));
}

export function noModel(source: string): InvalidInput {
  return new InvalidInput(`nothing names a model of ${source}`, {
    expected: 'model: the name of a model that sees pictures, such as gemma3:27b',
    hint: `or set EASEL_${source.toUpperCase()}_MODEL and start Easel again`,
  });
}
