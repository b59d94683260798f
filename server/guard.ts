/** @file Guards a local server against web pages that attack it, and a public server against strangers. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { isLoopback, stripBrackets } from '../configs/loopback.ts';
import { Forbidden, Unauthorized, UnsupportedMediaType } from '../errors.ts';
import type { ServerEnv } from './env.ts';
import { isYaml, mediaTypeOf } from './read-body.ts';

/** Open without a token, so that a supervisor or load balancer can ask. A wrong token is refused here too. */
const PUBLIC_PATHS = new Set(['/health']);

/** Checks, in this order: Host, Origin, token, media type of a body. */
export function createGuard(env: Pick<ServerEnv, 'host' | 'token'>): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header('host') ?? new URL(c.req.url).host;
    checkHost(host, env);
    checkOrigin(c.req.header('origin'), c.req.header('sec-fetch-site'), host, c.req.method);
    const authorization = c.req.header('authorization');
    if (authorization !== undefined || !PUBLIC_PATHS.has(c.req.path)) checkToken(authorization, env.token);
    // Browsers send a form or a text/plain body across origins without a preflight. So only blobs may have any type.
    const type = mediaTypeOf(c);
    if (
      type !== undefined &&
      type !== 'application/json' &&
      !isYaml(type) &&
      isWrite(c.req.method) &&
      !c.req.path.startsWith('/objects')
    ) {
      throw new UnsupportedMediaType(`the body is declared as ${type}`, {
        expected: 'application/json',
        hint: "send it with -H 'content-type: application/json'",
      });
    }
    await next();
    c.res.headers.set('x-content-type-options', 'nosniff');
  };
}

function isWrite(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/**
 * Refuses a Host name that is not this server's own: an attacker's DNS may point it here (DNS rebinding). With a token
 * set, any name is fine, since such a page has no token to send.
 */
function checkHost(host: string, env: Pick<ServerEnv, 'host' | 'token'>): void {
  const name = hostName(host);
  if (isLoopback(name) || name === env.host || (env.token !== undefined && !isLoopback(env.host))) return;
  throw new Forbidden(`this server is not called "${name.slice(0, 100)}"`, {
    expected: `a Host header of localhost or ${env.host}`,
    hint: 'use http://127.0.0.1, or set EASEL_HOST and EASEL_TOKEN to serve other names',
  });
}

function checkOrigin(origin: string | undefined, site: string | undefined, host: string, method: string): void {
  if (origin === undefined) {
    if (site !== 'cross-site' || !isWrite(method)) return;
  } else if (URL.canParse(origin) && new URL(origin).host === host.toLowerCase()) return;
  throw new Forbidden(`a page of ${origin?.slice(0, 200) ?? 'another site'} may not call this server`, {
    expected: 'the same origin, or no browser',
  });
}

/** Compares digests, so that the time reveals neither content nor length of the token. */
function checkToken(authorization: string | undefined, token: string | undefined): void {
  if (token === undefined) return;
  const sent = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  if (timingSafeEqual(digest(sent), digest(token))) return;
  throw new Unauthorized(authorization === undefined ? 'no token was sent' : 'the token is wrong', {
    expected: 'the header "authorization: Bearer <EASEL_TOKEN>"',
    hint: "curl -H 'authorization: Bearer '$EASEL_TOKEN",
  });
}

/** The name of a Host header without port and brackets, in lower case. */
function hostName(host: string): string {
  return stripBrackets(host.toLowerCase().replace(/:\d+$/, ''));
}
