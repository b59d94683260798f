import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly cwd?: string;
}

export interface CommandResult {
  /** Exit status; undefined if the command cannot be started, or was stopped. */
  readonly code: number | undefined;
  /** What the command wrote to stderr, or why it does not start. */
  readonly said: string;
}

/** Runs a command without input to its end. The signal ends it with all its processes. */
export function runCommand(
  command: string,
  args: readonly string[],
  { env, signal, cwd }: CommandOptions,
): Promise<CommandResult> {
  return new Promise(resolve => {
    if (signal?.aborted) return resolve({ code: undefined, said: '' });
    let said = '';
    // The signal ends the whole group: the command may be a wrapper. Without a signal, Ctrl-C reaches the command.
    const detached = signal !== undefined;
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'], env, detached, ...(cwd && { cwd }) });
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group has ended by itself.
      }
    };
    signal?.addEventListener('abort', kill);
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
    child.on('error', error => resolve({ code: undefined, said: error.message }));
    child.on('exit', () => signal?.removeEventListener('abort', kill));
    child.on('close', code => resolve({ code: code ?? undefined, said: said.trim() }));
  });
}
