/** @file Asks Ollama whether it has a model that sees pictures, and for its digest. */
import { listSome } from '../../configs/quantity.ts';
import { Unprocessable } from '../../errors.ts';
import type { DescribeRequest } from '../define.ts';
import { AskFailure, askServer } from './ask-server.ts';
import type { CaptionServer } from './caption-servers.ts';
import { showSchema, tagsSchema } from './protocols.ts';

/** Ollama answers such questions in milliseconds. */
const ANSWER_MS = 15_000;
const MAX_NAMED = 8;

/**
 * The digest of the model in hexadecimal.
 * @throws Unprocessable if Ollama has no such model, or one that sees nothing, or the digest is another; AskFailure
 */
export async function checkModel(
  server: CaptionServer,
  { model, modelDigest }: DescribeRequest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ask = { deadlineMs: ANSWER_MS, signal };
  const tags = tagsSchema.safeParse(await askServer(server, { ...ask, path: '/api/tags' }));
  if (!tags.success) throw new AskFailure('troubled', 'what answers there is not Ollama');
  const { models } = tags.data;
  // Ollama adds the tag to a name without one.
  const found = models.find(({ name }) => name === model || name === `${model}:latest`);
  if (found === undefined) {
    throw new Unprocessable(`Ollama at ${server.url} does not have the model ${model}`, {
      expected: `one of ${
        listSome(
          models.map(({ name }) => name),
          MAX_NAMED,
        ) || 'no model: it has none'
      }`,
      hint: `get it with \`ollama pull ${model}\``,
    });
  }
  const digest = found.digest?.replace(/^sha256:/, '');
  if (modelDigest !== undefined && !digest?.startsWith(modelDigest)) {
    throw new Unprocessable(`the model ${model} of Ollama at ${server.url} has the digest ${digest ?? 'unknown'}`, {
      expected: modelDigest,
      hint: 'leave out model_digest to take the model that has the name now',
    });
  }
  const show = showSchema.safeParse(
    await askServer(server, { ...ask, path: '/api/show', body: { model: found.name } }),
  );
  const { capabilities } = show.success ? show.data : {};
  if (capabilities !== undefined && !capabilities.includes('vision')) {
    throw new Unprocessable(`the model ${model} sees no pictures; it can do: ${capabilities.join(', ')}`, {
      expected: 'a model that sees pictures, such as gemma3:27b, gemma3:4b or qwen2.5vl:7b',
    });
  }
  return digest;
}
