// Plain JavaScript, for the system's own Node of any age: runs a command with the Node 24 that the clone brings along.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** The clone's own Node, once the packages are installed on Linux x64. */
export const ownNode = join(root, 'node_modules', '.bin', 'node');

/** TypeScript runs as it is from Node 22.18 on. */
export function isRecent() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];

/** Runs a command to its end, with this process's input and output. Passes signals on. */
export function run(command, args) {
  return new Promise((resolve, reject) => {
    // The command loses the channel when this process is killed: see `endWithWrapper`.
    const child = spawn(command, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
    const handlers = PASSED_ON.map(signal => [signal, () => child.kill(signal)]);
    for (const [signal, handler] of handlers) process.on(signal, handler);
    const leave = () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    };
    child.on('error', error => {
      leave();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      leave();
      resolve({ code, signal });
    });
  });
}

/** Runs a command in place of this process, which ends as the command does. */
export async function runInstead(command, args) {
  const { code, signal } = await run(command, args);
  if (signal === null) process.exit(code);
  process.kill(process.pid, signal);
}

/** Between two looks for npm. */
const LOOK_MS = 250;

/** Ends this process in order, as by SIGTERM, when the process that runs it is gone: `run` of another Node, or npm. */
export function endWithWrapper() {
  const end = () => process.kill(process.pid, 'SIGTERM');
  // A command that has nothing left to do ends: nothing here keeps it.
  if (process.channel) {
    process.once('disconnect', end);
    process.channel.unref();
  } else if (/^exec /.test(process.env.npm_lifecycle_script ?? '')) {
    // npm is the parent of a script that its shell executes.
    const npm = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid === npm) return;
      clearInterval(timer);
      end();
    }, LOOK_MS);
    timer.unref();
  }
}
