/** @file A host of files in memory that answers as Hugging Face does: large files lie on another host. */
import { createHash } from 'node:crypto';
import type { Fetch } from '../../downloads/request-range.ts';

export interface Hub {
  /** By `REPO/resolve/REVISION/PATH`. */
  readonly files: Map<string, Uint8Array>;
  /** `METHOD-less` lines: path, range, and whether a token came. */
  readonly asked: string[];
  /** Repositories that want this token. */
  gated: Map<string, string>;
  /** Names the sha256 of files in its redirect. */
  claims: boolean;
  readonly fetch: Fetch;
}

const ENDPOINT = 'https://hub.example';

export function createHub(): Hub {
  const hub: Hub = {
    files: new Map(),
    asked: [],
    gated: new Map(),
    claims: true,
    async fetch(url, init) {
      const { host, pathname } = new URL(url);
      const headers = new Headers(init.headers);
      const token = headers.get('authorization');
      const path = pathname.slice(1);
      const range = headers.get('range') ?? undefined;
      hub.asked.push([host, path.split('/').at(-1), range, token].filter(Boolean).join(' '));
      const bytes = hub.files.get(path);
      if (bytes === undefined) return new Response(null, { status: 404 });
      const wanted = hub.gated.get(path.split('/resolve/')[0] ?? '');
      if (wanted !== undefined && host === 'hub.example' && token !== `Bearer ${wanted}`) {
        return new Response(null, { status: token === null ? 401 : 403 });
      }
      if (host === 'hub.example' && hub.claims && path.endsWith('.safetensors')) {
        const sha256 = createHash('sha256').update(bytes).digest('hex');
        const location = `https://cdn.example/${path}`;
        return new Response(null, { status: 302, headers: { location, 'x-linked-etag': `"${sha256}"` } });
      }
      const [, first, last] = (/^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []).map(Number);
      const [start, end] =
        first === undefined || last === undefined ? [0, bytes.length] : [first, Math.min(last + 1, bytes.length)];
      const body = Uint8Array.from(bytes.subarray(start, end));
      return new Response(body, {
        status: range === undefined ? 200 : 206,
        headers: {
          etag: '"v1"',
          'content-length': String(body.length),
          ...(range !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }),
        },
      });
    },
  };
  return hub;
}

export const HUB_URL = ENDPOINT;
