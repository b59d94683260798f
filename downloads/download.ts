/**
 * @file Downloads a file, or ranges of it, into a folder. A download that was cut off or killed goes on where it
 * stopped, as long as the server still has the same file.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unprocessable } from '../errors.ts';
import { countBytes, mergeSpans, missingSpans, type Span } from './byte-spans.ts';
import { checkDisk, explainWrite } from './disk-space.ts';
import { openPartialFile } from './partial-file.ts';
import { type Fetch, type FileFacts, PassingFailure, type RangeAnswer, requestRange } from './request-range.ts';
import { asPassing, giveUp, MOST_FIRST_TRIES, MOST_TRIES, waitBefore } from './retry.ts';

/** A connection that stays silent so long is given up. */
const SILENCE_MS = 60_000;
/** Ranges that lie closer are one request: the bytes between them cost less than another answer. */
const GAP_BYTES = 2 ** 20;
const PROGRESS_MS = 500;
const HASHED_BYTES = 8 * 2 ** 20;
/** Times that a file may change under one download. */
const MOST_CHANGES = 3;

export interface DownloadOptions {
  readonly url: string;
  /** Holds the bytes and their state; of this file alone. */
  readonly folder: string;
  /** Bearer token for the host of `url`. */
  readonly token?: string | undefined;
  /** The sha256 that the whole file must have, in hexadecimal. It is checked here as far as the server names one. */
  readonly sha256?: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Gets what a person should know, such as that the file has changed. */
  readonly log?: ((line: string) => void) | undefined;
  readonly system?: DownloadSystem | undefined;
}

export interface DownloadProgress {
  /** Bytes on disk, of `total` wanted. */
  readonly done: number;
  readonly total: number;
  readonly bytes_per_second: number;
}

/** The calls to the outside. Tests replace them. */
export interface DownloadSystem {
  readonly fetch?: Fetch;
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly freeBytes?: (folder: string) => Promise<number>;
  readonly silenceMs?: number;
}

export interface Download {
  /** The file at the address. @throws Error before the first answer. */
  facts(): FileFacts;
  /**
   * Brings ranges onto the disk, or the whole file.
   * @throws FileChanged, Unprocessable, StoreFull, the signal's reason
   */
  bring(spans?: readonly Span[]): Promise<void>;
  /** Bytes that `bring` has brought. */
  read(span: Span): Promise<Uint8Array>;
  /** sha256 of the whole file in hexadecimal. */
  digest(): Promise<string>;
  /** Keeps what is there for a later call. */
  close(): Promise<void>;
  discard(): Promise<void>;
}

/** The server has another file than at the last answer: ranges of the earlier one mean nothing now. */
export class FileChanged extends Error {}

/** Asks the server nothing until {@link Download.bring}. */
export async function openDownload(options: DownloadOptions): Promise<Download> {
  const { url, folder, token, sha256, signal, log = () => {}, system = {} } = options;
  const { fetch, wait = (ms, stop) => sleep(ms, undefined, { signal: stop }), silenceMs = SILENCE_MS } = system;
  const file = await openPartialFile(folder, url);
  let changes = 0;

  /** Without spans: the whole file. Nothing as long as its length is unknown. */
  function wantedOf(spans: readonly Span[] | undefined): readonly Span[] {
    const size = file.facts()?.size;
    if (size === undefined) return [];
    return (spans ?? [{ start: 0, end: size }]).map(({ start, end }) => ({ start, end: Math.min(end, size) }));
  }

  /** @returns Whether the file on disk belongs to another version, and was forgotten. */
  async function accept(answer: RangeAnswer): Promise<boolean> {
    if (sha256 !== undefined && answer.claimed !== undefined && answer.claimed !== sha256) {
      throw new Unprocessable(`${new URL(url).host} has another file at ${url}: its sha256 is ${answer.claimed}`, {
        expected: `sha256 ${sha256}`,
      });
    }
    const known = file.facts();
    if (known && isSame(known, answer)) return false;
    if (known) log(`${url} has changed since the last answer: its download begins anew`);
    if (known && ++changes > MOST_CHANGES) throw new Unprocessable(`${url} changes again and again`);
    const { size, etag, claimed } = answer;
    await file.begin({ size, etag, claimed });
    return known !== undefined;
  }

  async function store(answer: RangeAnswer, onBytes: () => void): Promise<void> {
    let at = answer.span.start;
    for await (const chunk of answer.body) {
      const bytes = chunk.subarray(0, answer.span.end - at);
      await file.write(at, bytes).catch(cause => {
        throw explainWrite(folder, cause);
      });
      at += bytes.length;
      onBytes();
      if (at === answer.span.end) return;
    }
    throw new PassingFailure(`the connection ended ${answer.span.end - at} bytes early`);
  }

  /** @returns Whether the answer belongs to another version of the file than the earlier ones. */
  async function fetchSpan(span: Span | undefined, left: () => number, report: () => void): Promise<boolean> {
    const stop = new AbortController();
    const silence = setTimeout(() => stop.abort(new PassingFailure('the server fell silent')), silenceMs);
    const both = AbortSignal.any([signal, stop.signal]);
    let answer: RangeAnswer | undefined;
    try {
      answer = await requestRange({ url, span, etag: file.facts()?.etag, token, signal: both, fetch });
      const hasChanged = await accept(answer);
      await checkDisk(folder, left(), system.freeBytes);
      await store(answer, () => {
        silence.refresh();
        report();
      });
      return hasChanged;
    } catch (error) {
      // A body that is read to its end, or broke, has nothing to cancel.
      await answer?.body.cancel().catch(() => {});
      signal.throwIfAborted();
      throw stop.signal.aborted ? stop.signal.reason : asPassing(error);
    } finally {
      clearTimeout(silence);
    }
  }

  async function bring(spans?: readonly Span[]): Promise<void> {
    const missing = () => missingSpans(wantedOf(spans), file.done());
    const report = createReport(
      () => countBytes(mergeSpans(wantedOf(spans))),
      () => countBytes(missing()),
      options.onProgress,
    );
    for (let tries = 0; ; ) {
      signal.throwIfAborted();
      const [next] = mergeSpans(missing(), GAP_BYTES);
      if (file.facts() !== undefined && next === undefined) break;
      const had = countBytes(file.done());
      try {
        const hasChanged = await fetchSpan(firstOf(next, spans), () => countBytes(missing()), report);
        if (hasChanged && spans !== undefined) throw new FileChanged(url);
        tries = 0;
      } catch (error) {
        if (!(error instanceof PassingFailure)) throw error;
        tries = countBytes(file.done()) > had ? 1 : tries + 1;
        if (tries >= (file.facts() ? MOST_TRIES : MOST_FIRST_TRIES)) throw giveUp(url, error);
        await wait(waitBefore(tries, error), signal);
      }
    }
    await file.save();
    report(true);
  }

  function facts(): FileFacts {
    const known = file.facts();
    if (known) return known;
    throw new Error(`nothing is known of ${url} yet`);
  }

  return {
    facts,
    bring,
    read: file.read,
    async digest() {
      const hash = createHash('sha256');
      for (let start = 0; start < facts().size; start += HASHED_BYTES) {
        signal.throwIfAborted();
        hash.update(await file.read({ start, end: Math.min(facts().size, start + HASHED_BYTES) }));
      }
      return hash.digest('hex');
    },
    close: file.close,
    discard: file.discard,
  };
}

/** A whole file from its first byte needs no range, which some servers do not know. */
function firstOf(next: Span | undefined, spans: readonly Span[] | undefined): Span | undefined {
  if (spans === undefined && (next === undefined || next.start === 0)) return undefined;
  return next ?? spans?.[0];
}

function isSame(known: FileFacts, seen: FileFacts): boolean {
  if (known.size !== seen.size) return false;
  if (known.claimed !== undefined && seen.claimed !== undefined) return known.claimed === seen.claimed;
  return known.etag === undefined || seen.etag === undefined || known.etag === seen.etag;
}

function createReport(totalOf: () => number, leftOf: () => number, tell: DownloadOptions['onProgress']) {
  const started = performance.now();
  let last = started;
  let before: number | undefined;
  return (isLast = false) => {
    const now = performance.now();
    const [total, left] = [totalOf(), leftOf()];
    before ??= left;
    if (!isLast && now - last < PROGRESS_MS) return;
    last = now;
    const rate = (1000 * (before - left)) / Math.max(1, now - started);
    tell?.({ done: total - left, total, bytes_per_second: Math.round(rate) });
  };
}
