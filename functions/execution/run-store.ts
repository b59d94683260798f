/**
 * @file Runs in the store, `runs/<action>/<attempt>/{state.json,events.jsonl}`: so that another server can tell of
 * them. Progress, never truth.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { progressSchema } from '../../configs/progress.ts';
import { Conflict } from '../../errors.ts';
import { describeError } from '../../errors-wire.ts';
import type { Clock } from '../../storage/clock.ts';
import { type Digest, hexOf } from '../../storage/digest.ts';
import { listFolders } from '../../storage/list-all.ts';
import { runRecordSchema } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type Run, settleWithin } from './run.ts';
import type { RunEvent, RunHandle, RunState } from './run-handle.ts';

/** A shorter run is recorded only if it is an effect or failed; otherwise its result is enough. */
const SHORT_RUN_MS = 1000;
const STATE_INTERVAL_MS = 10_000;
const EVENTS_INTERVAL_MS = 30_000;
/** A run whose state was not renewed for this long has lost its server. */
const STALE_MS = 60_000;
const POLL_MS = 1000;
/** Attempts kept per action, so that a call repeated every minute for a year does not fill the store. */
const MAX_ATTEMPTS = 4;

const JSON_LINES = 'application/jsonl';

const eventSchema = z.strictObject({ id: z.int(), data: progressSchema.loose() });

export interface RunStore {
  /** Records the run until its end. Settles after the last write; never rejects, even if the store fails. */
  record(run: Run, options: { readonly effect: boolean }): Promise<void>;
  /** The newest recorded attempt of any process. */
  find(action: Digest): Promise<RunHandle | undefined>;
}

export function createRunStore(store: ObjectStore, clock: Clock): RunStore {
  async function record(run: Run, { effect }: { readonly effect: boolean }): Promise<void> {
    const stamp = new Date(clock.now()).toISOString().replaceAll(/[-:.]/g, '');
    const startedAt = clock.monotonic();
    await settleWithin(run.ended, SHORT_RUN_MS, clock);
    if (!effect && run.snapshot().state === 'done' && clock.monotonic() - startedAt < SHORT_RUN_MS) return;
    const folder = `${folderOf(run.action)}${stamp}-${randomUUID().slice(0, 8)}/`;
    let eventsAt = Number.NEGATIVE_INFINITY;
    let lastId = 0;
    while (true) {
      const final = run.settled;
      const state = run.snapshot();
      const newest = run.log.entries.at(-1)?.id ?? 0;
      if (newest > lastId && (final || clock.monotonic() - eventsAt >= EVENTS_INTERVAL_MS)) {
        const events = encodeEvents(run.log.entries);
        const isWritten = await attempt(() => store.put(`${folder}events.jsonl`, events, { mediaType: JSON_LINES }));
        if (isWritten) [eventsAt, lastId] = [clock.monotonic(), newest];
      }
      // Also when the events could not be written: a full disk has room for states.
      await attempt(async () => {
        await store.put(`${folder}state.json`, encodeState(state, clock.now()), { mediaType: 'application/json' });
        if (final) await dropOldAttempts(run.action);
      });
      if (final) return;
      await settleWithin(run.ended, STATE_INTERVAL_MS, clock);
    }
  }

  /** A run does not fail because its progress cannot be written. @returns Whether it was. */
  function attempt(write: () => Promise<unknown>): Promise<boolean> {
    return write().then(
      () => true,
      () => false,
    );
  }

  /** Ends early on an abort. */
  async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    await clock.sleep(ms, signal).catch(() => {});
  }

  async function read(folder: string): Promise<RunState | undefined> {
    const stored = await store.get(`${folder}state.json`);
    if (stored === undefined) return undefined;
    const parsed = runRecordSchema.safeParse(JSON.parse(Buffer.from(stored.body).toString('utf8')));
    if (!parsed.success) return undefined;
    const { v: _, links: __, updated_at, ...rest } = parsed.data;
    const known: RunState = rest;
    const open = known.state === 'running' || known.state === 'queued';
    if (!open || clock.now() - Date.parse(updated_at) < STALE_MS) return known;
    const lost = new Conflict('the server that ran it went away', { hint: 'send the same call again: it goes on' });
    return { ...known, state: 'failed', error: describeError(lost) };
  }

  async function readEvents(folder: string): Promise<readonly RunEvent[]> {
    const stored = await store.get(`${folder}events.jsonl`);
    const lines = Buffer.from(stored?.body ?? [])
      .toString('utf8')
      .split('\n');
    return lines.filter(line => line !== '').map(line => eventSchema.parse(JSON.parse(line)));
  }

  /** Folders, oldest first: their names begin with the time. */
  async function listAttempts(action: Digest): Promise<string[]> {
    return (await listFolders(store, folderOf(action))).sort();
  }

  /** May drop an attempt that goes on at another server: its next write brings it back, the next end drops it again. */
  async function dropOldAttempts(action: Digest): Promise<void> {
    for (const folder of (await listAttempts(action)).slice(0, -MAX_ATTEMPTS)) {
      for (const file of ['events.jsonl', 'state.json']) await store.delete(`${folder}${file}`);
    }
  }

  async function find(action: Digest): Promise<RunHandle | undefined> {
    const folder = (await listAttempts(action)).at(-1);
    const first = folder === undefined ? undefined : await read(folder);
    if (folder === undefined || first === undefined) return undefined;
    let last = first;
    const state = async () => {
      if (!hasEnded(last)) last = (await read(folder)) ?? last;
      return last;
    };
    return {
      action,
      function: first.function,
      state,
      async wait(ms, signal) {
        const deadline = clock.monotonic() + ms;
        while (!hasEnded(await state()) && clock.monotonic() < deadline && !signal?.aborted) {
          await pause(Math.min(POLL_MS, deadline - clock.monotonic()), signal);
        }
        return last;
      },
      async *events(after, signal) {
        let reached = after;
        while (!signal?.aborted) {
          const ended = hasEnded(await state());
          for (const event of await readEvents(folder)) {
            if (event.id <= reached) continue;
            reached = event.id;
            yield event;
          }
          if (ended) return;
          await pause(POLL_MS, signal);
        }
      },
      cancel() {
        if (hasEnded(last)) return;
        throw new Conflict('another server process runs it', { hint: 'send the DELETE to that server' });
      },
    };
  }

  return { record, find };
}

function hasEnded(state: RunState): boolean {
  return state.state === 'done' || state.state === 'failed';
}

function folderOf(action: Digest): string {
  return `runs/${hexOf(action)}/`;
}

function encodeEvents(entries: readonly RunEvent[]): Uint8Array {
  return Buffer.from(entries.map(entry => `${JSON.stringify(entry)}\n`).join(''));
}

function encodeState(state: RunState, at: number): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      v: 1,
      ...state,
      updated_at: new Date(at).toISOString(),
      links: [],
    }),
  );
}
