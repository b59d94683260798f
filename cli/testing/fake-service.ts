/**
 * @file Stands for the server or the runner in tests of the supervisor: says where it listens, what it was given, and
 * dies as told.
 */
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const { FAKE_JOURNAL: journal = '/dev/null', FAKE_EXIT, EASEL_RUNNERS, EASEL_PORT, EASEL_RUNNER_PORT } = process.env;
const name = EASEL_RUNNERS === undefined ? 'runner' : 'server';
const note = (line: string) => appendFileSync(journal, `${name} ${process.pid} ${line}\n`);

if (FAKE_EXIT === name) {
  console.error('the fake cannot start');
  process.exit(3);
}

const end = (why: string) => {
  note(why);
  process.exit(0);
};
process.on('SIGTERM', () => end('SIGTERM'));
process.on('SIGINT', () => end('SIGINT'));
process.on('disconnect', () => end('orphaned'));

const server = createServer((request, response) => {
  if (request.url === '/crash') process.exit(7);
  response.end(JSON.stringify({ pid: process.pid, env: process.env }));
});
server.listen(Number(EASEL_RUNNERS === undefined ? EASEL_RUNNER_PORT : EASEL_PORT), '127.0.0.1', () => {
  note('started');
  if (name === 'server') console.log('S3 endpoint listening on http://127.0.0.1:1 (a fake)');
  console.log(`easel ${name} listening on http://127.0.0.1:${(server.address() as AddressInfo).port} (a fake)`);
  if (name === 'server') console.log('S3 endpoint listening on http://127.0.0.1:2 (a fake)');
});
