/** @file Forks a process for work that blocks its thread for minutes, or that may crash or hang in native code. */
import { fork } from 'node:child_process';

const STDERR_CHARACTERS = 600;

export interface ChildOptions {
  /** Calls `endWithParent` first. */
  readonly program: URL;
  readonly args?: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** For people, such as "the process that compiles". */
  readonly name: string;
  /** The first message to the process. */
  readonly task?: object;
  readonly onMessage: (message: unknown) => void;
}

export interface ChildEnd {
  readonly hasStarted: boolean;
  /** A sentence with the name, such as "the process that compiles ended by SIGSEGV: its last words". */
  readonly text: string;
}

export interface Child {
  /** Resolves after the last message. */
  readonly ended: Promise<ChildEnd>;
  /** Ends the process at once. */
  kill(): void;
}

/** Starts the process, sends the task, and passes messages on until the process ends. */
export function forkChild({ program, args = [], env = process.env, name, task, onMessage }: ChildOptions): Child {
  // `endWithParent` reads the last argument.
  const child = fork(program, [...args, String(process.pid)], {
    ...{ execArgv: [], env },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.on('data', chunk => {
    stderr = `${stderr}${chunk}`.slice(-STDERR_CHARACTERS);
  });
  child.on('message', onMessage);
  const ended = new Promise<ChildEnd>(resolve => {
    child.on('error', error => resolve({ hasStarted: false, text: `${name} did not start: ${error.message}` }));
    child.on('close', (code, signal) => {
      const end = signal === null ? `with status ${code}` : `by ${signal}`;
      const said = stderr.trim();
      resolve({ hasStarted: true, text: `${name} ended ${end}${said && `: ${said}`}` });
    });
  });
  // A process that ends before it reads the task is told by `ended`.
  if (task !== undefined) child.send(task, () => {});
  return { ended, kill: () => void child.kill('SIGKILL') };
}
