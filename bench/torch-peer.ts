/** @file Times PyTorch on the same network in the same run (bench/peers/torch_peer.py), if a Python has PyTorch. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { MODEL_NETS, type ModelNet } from './model-nets.ts';

const rowSchema = z.strictObject({ mode: z.string(), version: z.string(), params: z.int(), ms: z.number() });
/** Milliseconds per step in one mode: eager, compile, autocast-bf16. */
export type PeerRow = z.infer<typeof rowSchema>;

/** Networks that the peer has: the lab network, and those of the model. */
export const PEER_NETS: readonly string[] = ['lab', ...Object.keys(MODEL_NETS)];

export interface PythonResult {
  /** Lines of stdout. */
  readonly lines: readonly string[];
  readonly errors: string;
  /** Exit code; null after a signal; a message if it did not start. */
  readonly status: number | string | null;
}

/** Runs a script of bench/peers/. EASEL_PEER_PYTHON names the interpreter; default: python3. */
export async function runPython(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<PythonResult> {
  const child = spawn(pythonPath(), [fileURLToPath(new URL(`./peers/${script}`, import.meta.url)), ...args], { env });
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
  return { lines: output.split('\n').filter(line => line !== ''), errors: errors.trim(), status };
}

const pythonPath = () => process.env.EASEL_PEER_PYTHON ?? 'python3';

/** The configuration that bench/peers/nanodit.py reads. */
export function peerConfig({ config: { model, objective }, shape }: ModelNet): string {
  return JSON.stringify({ model, objective, shape });
}

/**
 * Times a network of {@link PEER_NETS}. Without PyTorch it prints the reason to stderr and returns nothing.
 * @param params Number of elements in the parameters of our network.
 * @throws Error if the peer has another number.
 */
export async function timeTorch(net: string, params: number, threads: number, runs: number): Promise<PeerRow[]> {
  const model = (MODEL_NETS as Readonly<Record<string, ModelNet>>)[net];
  const args = ['--threads', String(threads), '--runs', String(runs)];
  const { lines, errors, status } = await runPython(
    'torch_peer.py',
    model ? [...args, '--config', peerConfig(model)] : args,
  );
  const rows = lines.map(line => rowSchema.parse(JSON.parse(line)));
  const reason = errors.split('\n').at(-1);
  if (rows.length === 0) {
    console.error(
      `peer torch skipped: ${pythonPath()} ended with ${status}${reason ? ` (${reason})` : ''}; ` +
        'pip install torch numpy',
    );
  } else if (errors !== '') {
    console.error(reason);
  }
  const other = rows.find(row => row.params !== params);
  if (other) throw new Error(`the peer's ${net} has ${other.params} parameters: expected ${params}, as ours`);
  return rows;
}
