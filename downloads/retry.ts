/** @file How long a download waits before it tries again, and what it says when it gives up. */
import { Unprocessable } from '../errors.ts';
import { PassingFailure } from './request-range.ts';

/** Tries without a new byte, after which a download is given up. */
export const MOST_TRIES = 6;
/** The same before the first answer: most often there is no network. */
export const MOST_FIRST_TRIES = 3;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** The longest wait that a server may ask for. */
const LONGEST_ASKED_MS = 120_000;

/** Milliseconds before retry `tries`, the first being 1: doubled each time, with jitter, or as the server asks. */
export function waitBefore(tries: number, { waitMs }: PassingFailure, random = Math.random): number {
  if (waitMs !== undefined) return Math.min(waitMs, LONGEST_ASKED_MS);
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1)) * (0.5 + random() / 2);
}

/** A failure of the network while a body arrives as one that may pass; any other error unchanged. */
export function asPassing(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof PassingFailure) return error;
  const cause = error.cause instanceof Error ? error.cause : error;
  const code = 'code' in cause ? String(cause.code) : '';
  const isOfNetwork = code.startsWith('UND_ERR') || code === 'ECONNRESET' || error.message === 'terminated';
  return isOfNetwork ? new PassingFailure(cause.message, undefined, error) : error;
}

/** The error of a download that is given up. */
export function giveUp(
  url: string,
  error: PassingFailure,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Unprocessable {
  const proxy = env.HTTPS_PROXY ?? env.https_proxy ?? env.HTTP_PROXY ?? env.http_proxy;
  const isUnused = proxy !== undefined && env.NODE_USE_ENV_PROXY !== '1';
  return new Unprocessable(`${url} could not be downloaded: ${error.message}`, {
    expected: 'a machine that reaches that address',
    hint: isUnused
      ? 'a proxy is set, but Node uses it only with NODE_USE_ENV_PROXY=1; the same call goes on where this one stopped'
      : 'call again to go on, or download it yourself and pass it with --file',
    cause: error,
  });
}
