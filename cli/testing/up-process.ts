/** @file `easel up` with fakes, as a process that a test can kill. */
import { fileURLToPath } from 'node:url';
import { startEasel } from '../up.ts';

const fake = fileURLToPath(new URL('./fake-service.ts', import.meta.url));
const easel = await startEasel({ port: 0, entries: { server: fake, runner: fake } });
console.log(JSON.stringify({ server: easel.serverPid, runner: easel.runnerPid }));
