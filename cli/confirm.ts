/** @file A question to the person at the terminal. */
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
  const lines = createInterface({ input, output });
  try {
    return /^(y|yes|)$/i.test((await lines.question(`${question} [Y/n] `)).trim());
  } finally {
    lines.close();
  }
}
