/**
 * @file Compiles in a process of its own. XLA keeps choices of kernels in memory for the whole process, and reads a
 * file of choices only once per process. So a program would depend on those compiled before it.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Internal, Unprocessable } from '../../../errors.ts';
import { forkChild } from '../../child/fork-child.ts';
import { type Choices, type FlagSettings, flagsFor } from './flags.ts';
import type { CompilerFlags } from './pjrt/compile-options.ts';
import type { ClientSettings } from './shared-client.ts';

const COMPILE_PROCESS = new URL('./compile-process.ts', import.meta.url);

/** What the process is asked to do. */
export interface CompileTask {
  readonly settings: ClientSettings;
  /** A StableHLO module. */
  readonly text: string;
  readonly flags: CompilerFlags;
  /** Path of the serialized program. */
  readonly into: string;
}

const answerSchema = z.discriminatedUnion('done', [
  z.strictObject({ done: z.literal(true) }),
  z.strictObject({
    done: z.literal(false),
    message: z.string(),
    expected: z.string().optional(),
    reason: z.string().optional(),
  }),
]);
export type CompileAnswer = z.input<typeof answerSchema>;

/** A serialized program, and the choices that were measured for it. */
export interface ApartProgram {
  readonly bytes: Uint8Array;
  readonly choices?: Uint8Array;
}

export interface ApartOptions {
  readonly settings: ClientSettings;
  readonly flags: Omit<FlagSettings, 'choices'>;
  /** For tests: another program in place of compile-process.ts. */
  readonly program?: URL;
  /** `record` measures; bytes are choices of an earlier measurement; undefined chooses by rules. */
  readonly choices: 'record' | 'measure' | Uint8Array | undefined;
}

/**
 * @param text A StableHLO module. If the given choices lack one that the program needs, rules choose for the whole
 * program, so that its bits depend on the program and the choices only.
 * @throws Unprocessable with XLA's message, Internal if the process died.
 */
export async function compileApart(text: string, options: ApartOptions): Promise<ApartProgram> {
  const { settings, flags, choices, program = COMPILE_PROCESS } = options;
  const folder = await mkdtemp(join(tmpdir(), 'easel-xla-'));
  // XLA takes files with this ending for text.
  const [into, choicesPath] = [join(folder, 'program'), join(folder, 'choices.txt')];
  const compileBy = async (by: Choices): Promise<CompileAnswer> =>
    runProcess(program, {
      settings: { ...settings, preallocates: false },
      text,
      flags: flagsFor({ ...flags, choices: by }),
      into,
    });
  try {
    let answer: CompileAnswer;
    if (choices instanceof Uint8Array) {
      await writeFile(choicesPath, choices);
      answer = await compileBy({ by: 'recorded', from: choicesPath });
      if (!answer.done && answer.reason === 'NOT_FOUND') answer = await compileBy({ by: 'default' });
    } else if (choices === undefined) answer = await compileBy({ by: 'default' });
    else answer = await compileBy({ by: 'measured', ...(choices === 'record' && { recordTo: choicesPath }) });
    if (!answer.done) {
      throw new Unprocessable(answer.message, answer.expected === undefined ? {} : { expected: answer.expected });
    }
    const measured = choices === 'record' ? await readFile(choicesPath).catch(() => undefined) : undefined;
    return { bytes: await readFile(into), ...(measured && { choices: measured }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runProcess(program: URL, task: CompileTask): Promise<CompileAnswer> {
  let answer: CompileAnswer | undefined;
  const child = forkChild({
    ...{ program, task, name: 'the process that compiles' },
    onMessage(message) {
      answer = answerSchema.safeParse(message).data;
    },
  });
  const { text } = await child.ended;
  if (answer === undefined) throw new Internal(text);
  return answer;
}
