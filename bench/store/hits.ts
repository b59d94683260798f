/** @file Measures cached calls: another process sends them to a real server. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startListening, startServer } from '../../test/site/listening-process.ts';
import type { Contestant } from './contestants.ts';
import { type LoadReport, type LoadSpec, loadReportSchema } from './http-load.ts';
import type { Report } from './rows.ts';

const LOAD = fileURLToPath(new URL('./http-load.ts', import.meta.url));
const FUNCTION = 'render-portraits';
/** One body per connection: equal calls at the same time would be one run. */
const BODIES = Array.from({ length: 16 }, (_, seed) => JSON.stringify({ seed, size: 32, from: 0, to: 4 }));
/** The file store remembers facts only about files older than two seconds (storage/drivers/file/facts.ts). */
const SETTLE_MS = 2500;

export interface HitsOptions {
  readonly contestants: ReadonlyMap<string, Contestant>;
  /** Folder for the cache of the server. */
  readonly folder: string;
  /** Duration of each load. */
  readonly seconds: number;
  readonly report: Report;
}

export async function measureHits({ contestants, folder, seconds, report }: HitsOptions): Promise<void> {
  for (const [by, { env }] of contestants) {
    const server = await startServer(env, folder);
    const size = await warmUp(server.url);
    const peers = {
      'a bare Hono app': await startListening(new URL('./peer-server.ts', import.meta.url), {
        env: {},
        args: ['hono', String(size)],
      }),
      'bare node:http': await startListening(new URL('./peer-server.ts', import.meta.url), {
        env: {},
        args: ['http', String(size)],
      }),
    };
    try {
      for (const connections of [1, BODIES.length]) {
        const load = (url: string) =>
          sendLoad({ url: `${url}/functions/${FUNCTION}`, bodies: BODIES, connections, seconds });
        const ours = await load(server.url);
        for (const [peer, { url }] of Object.entries(peers)) {
          const theirs = await load(url);
          report({
            case: `cached POST /functions/*, ${connections} at a time`,
            by,
            measures: {
              requests_per_second: ours.requests_per_second,
              p50_ms: ours.p50_ms,
              p99_ms: ours.p99_ms,
              peer_p50_ms: theirs.p50_ms,
              peer_p99_ms: theirs.p99_ms,
            },
            peer,
            ratio: ours.requests_per_second / theirs.requests_per_second,
          });
        }
      }
    } finally {
      for (const process of [server, ...Object.values(peers)]) await process.stop();
    }
  }
}

/** Computes the results that the load asks for. @returns Size of an answer in bytes. */
async function warmUp(url: string): Promise<number> {
  for (const body of BODIES) await call(url, body);
  await new Promise(resolve => setTimeout(resolve, SETTLE_MS));
  const answer = await call(url, BODIES[0] ?? '');
  if (answer.headers.get('x-cache') !== 'hit') throw new Error('the second call is not a hit');
  return (await answer.text()).length;
}

async function call(url: string, body: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', prefer: 'wait=60' };
  const answer = await fetch(`${url}/functions/${FUNCTION}`, { method: 'POST', headers, body });
  if (answer.status !== 200) throw new Error(await answer.text());
  return answer;
}

async function sendLoad(spec: LoadSpec): Promise<LoadReport> {
  const { stdout } = await promisify(execFile)(process.execPath, [LOAD, JSON.stringify(spec)]);
  return loadReportSchema.parse(JSON.parse(stdout));
}
