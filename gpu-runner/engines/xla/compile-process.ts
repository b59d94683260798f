/** @file The process that compile-apart.ts starts: compiles one program and writes it into a file. */
import { writeFile } from 'node:fs/promises';
import { AppError } from '../../../errors.ts';
import { endWithParent } from '../../child/end-with-parent.ts';
import type { CompileAnswer, CompileTask } from './compile-apart.ts';
import { XlaError } from './pjrt/calls.ts';
import { encodeCompileOptions } from './pjrt/compile-options.ts';
import { leaseDevice } from './shared-client.ts';

async function compile({ settings, text, flags, into }: CompileTask): Promise<CompileAnswer> {
  try {
    const { device, release } = await leaseDevice(settings);
    const program = await device.client.compile(text, encodeCompileOptions({ flags }));
    await writeFile(into, program.serialize());
    await release();
    return { done: true };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { message, expected } = error;
    return { done: false, message, expected, reason: error instanceof XlaError ? error.reason : undefined };
  }
}

endWithParent();
process.once('message', async (task: CompileTask) => {
  const answer = await compile(task);
  process.send?.(answer, () => process.exit(0));
});
