/** @file The thread that end-with-parent.ts starts: looks for the parent, whose id it is given. */
import { workerData } from 'node:worker_threads';

const CHECK_MS = 250;

setInterval(() => {
  // The kernel gives an orphan another parent.
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
}, CHECK_MS);
