/** @file Questions to the person at the terminal. */
import { createInterface } from 'node:readline/promises';
import { InvalidInput } from '../errors.ts';

/**
 * Whether the answer is yes; nothing typed is yes.
 * @throws InvalidInput if nobody can answer, since the input is no terminal.
 */
export async function confirm(
  question: string,
  input: NodeJS.ReadStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<boolean> {
  if (!input.isTTY) {
    throw new InvalidInput('nobody can answer: the input is no terminal', {
      expected: '--yes, to go on without a question',
    });
  }
  return /^(y|yes|)$/i.test((await askQuestion(`${question} [Y/n] `, input, output)).trim());
}

/** The line that the person types. */
export async function askQuestion(
  question: string,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stderr,
): Promise<string> {
  const lines = createInterface({ input, output });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
