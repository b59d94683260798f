/** @file PyTorch on the same network in the same run: bench/peers/torch_lab.py, when there is a Python with PyTorch. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const rowSchema = z.strictObject({ mode: z.string(), version: z.string(), ms: z.number() });
/** Milliseconds per step of one way to run it: eager, compile, autocast-bf16. */
export type PeerRow = z.infer<typeof rowSchema>;

/** Empty, with a line on stderr that says why, when PyTorch is not there. EASEL_PEER_PYTHON names the interpreter; default: python3. */
export async function timeTorch(threads: number, runs: number): Promise<PeerRow[]> {
  const python = process.env.EASEL_PEER_PYTHON ?? 'python3';
  const script = fileURLToPath(new URL('./peers/torch_lab.py', import.meta.url));
  const child = spawn(python, [script, '--threads', String(threads), '--runs', String(runs)]);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const status = await new Promise<number | string | null>(resolve => {
    child.on('error', error => resolve(error.message));
    child.on('close', resolve);
  });
  const rows = output
    .split('\n')
    .filter(line => line !== '')
    .map(line => rowSchema.parse(JSON.parse(line)));
  const reason = errors.trim().split('\n').at(-1);
  if (rows.length === 0) {
    console.error(
      `peer torch skipped: ${python} ended with ${status}${reason ? ` (${reason})` : ''}; pip install torch numpy`,
    );
  } else if (errors !== '') {
    console.error(reason);
  }
  return rows;
}
