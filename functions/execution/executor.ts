/**
 * @file Executes every call of every function: reads the call, looks up its result, joins its run or starts one.
 */
import { randomUUID } from 'node:crypto';
import { Internal } from '../../errors.ts';
import { createActionCache } from '../../storage/action-cache.ts';
import type { Json } from '../../storage/canonical.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import type { Lifetimes } from '../../storage/gc/lifetimes.ts';
import type { Action, Result } from '../../storage/records.ts';
import type { AnyFunction, CallAnswer, CallOptions } from '../define.ts';
import { type ActionCall, type Call, createCallReader, type EffectCall } from './calls.ts';
import { type ContextParts, makeContext, makeEffectContext } from './contexts.ts';
import { createHealer, type Healing } from './heal.ts';
import { createMakers } from './makers.ts';
import { createPageMapper } from './map-pages.ts';
import { createNameResolver } from './names.ts';
import { bodyOf } from './parse-call.ts';
import { pieceKeeper } from './pieces.ts';
import { createActionResolver } from './resolve-action.ts';
import type { RunAnswer, RunScope, RunSpec } from './run.ts';
import type { RunHandle } from './run-handle.ts';
import { createRunStore } from './run-store.ts';
import { createRuns } from './runs.ts';

export interface Executor {
  readonly functions: ReadonlyMap<string, AnyFunction>;
  /**
   * Calls a pure or page function and waits for its result. Aborting `signal` stops the work unless it has another
   * caller.
   * @throws InvalidInput (unknown keys, wrong types), NotFound (function, name, digest), Cancelled, and the function's
   * own errors.
   */
  call(name: string, body: Json, options?: CallOptions): Promise<CallAnswer>;
  /**
   * The stored result of a call of a pure function; undefined if it must be computed.
   * @throws InvalidInput, NotFound
   */
  find(name: string, body: Json): Promise<Result | undefined>;
  /** The action that a call would have; undefined for an effect. Names are resolved. @throws InvalidInput, NotFound */
  actionOf(name: string, body: Json): Promise<Action | undefined>;
  /** Runs an effect to its end and returns its JSON; joins an equal effect that goes on. */
  callEffect(name: string, body: Json, options?: CallOptions): Promise<Json>;
  /**
   * Starts any function as a run that goes on without callers; equal calls share one run.
   * @throws InvalidInput, NotFound, Busy
   */
  start(name: string, body: Json, options?: { readonly skipCache?: boolean }): Promise<RunHandle>;
  /**
   * For work of a route: when it misses a blob that a function made, makes the blob again and repeats the work once.
   */
  heal<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** A run of this process, or a run that is in the store. */
  findRun(action: Digest): Promise<RunHandle | undefined>;
  /**
   * Before a stop: starts nothing new and waits up to `ms` for the runs. Runs that are left are not cancelled, so that
   * a job goes on at the gpu-runner and the next server finds it there.
   */
  drain(ms: number): Promise<void>;
  /** Cancels all runs and waits for them. */
  close(): Promise<void>;
}

export interface ExecutorOptions extends ContextParts {
  readonly registry: readonly AnyFunction[];
  /** Pages in work at once; default: cores. */
  readonly concurrency?: number;
  /** When a result is extended before its use; default: as gc needs it. */
  readonly lifetimes?: Lifetimes;
}

/**
 * The part of a call that is computed in spite of a stored result. `call` leaves out its pages: it is for a call with a
 * missing blob.
 */
type Refresh = 'nothing' | 'call' | 'all';

export function createExecutor(options: ExecutorOptions): Executor {
  const { store, blobs, clock } = options;
  const functions = new Map(options.registry.map(fn => [fn.name, fn]));
  const cache = createActionCache(store, options.lifetimes);
  const resolver = createActionResolver(cache, blobs, clock.monotonic);
  const calls = createCallReader(functions, createNameResolver(store), blobs);
  const mapPages = createPageMapper(functions, resolver, options.concurrency);
  const makers = createMakers(store, cache, functions);
  const healer = createHealer(makers, blobs, remake);
  const runStore = createRunStore(store, clock);
  const runs = createRuns(runStore, clock);

  async function resolveAction(call: ActionCall, scope: RunScope, refresh: Refresh): Promise<RunAnswer<Result>> {
    const { fn, parsed, action } = call;
    const resolved = await resolver.resolve(action, refresh !== 'nothing', async () => {
      await calls.checkInputs(parsed);
      const ctx = makeContext(options, scope);
      if (fn.kind === 'page') return mapPages(fn, parsed, ctx, refresh === 'all');
      const piece = pieceKeeper(fn, blobs, (each, compute) => resolver.resolve(each, refresh === 'all', compute));
      return fn.run(
        { ...ctx, action: call.digest, piece },
        { ...parsed.input, ...(parsed.engine && { engine: parsed.engine }) },
      );
    });
    makers.remember(resolved.action, resolved.result);
    return resolved;
  }

  async function admit({ fn, parsed }: ActionCall, { progress }: RunScope): Promise<void> {
    if (fn.kind === 'pure') await fn.admit?.({ store, blobs, progress }, parsed.input);
  }

  async function runEffect({ fn, parsed, digest }: EffectCall, scope: RunScope): Promise<RunAnswer<Json>> {
    const restore = (blob: Digest) => healer.restore(blob, { ...scope, healed: new Set() });
    const ctx = makeEffectContext(options, scope, { call: callAction, callEffect, restore });
    return { action: digest, cache: 'miss', result: await fn.run(ctx, parsed.input) };
  }

  function runOf(call: Call, refresh: Refresh, healed = new Set<Digest>()): RunSpec<Result | Json> {
    return {
      action: call.digest,
      function: call.fn.name,
      resolved: call.parsed.resolved,
      clock,
      work(signal, progress) {
        const scope = { run: call.digest, signal, progress };
        const work = async () => {
          if (!call.action) return runEffect(call, scope);
          if (refresh !== 'call') await admit(call, scope);
          return resolveAction(call, scope, refresh);
        };
        return healer.heal<RunAnswer>(work, { ...scope, healed });
      },
    };
  }

  /** Computes a call again for its missing blobs. Its pages are looked up one by one. */
  async function remake(maker: Action, { signal, progress, healed }: Healing): Promise<void> {
    const call = await calls.read(maker.function, bodyOf(maker));
    await runs.use(runOf(call, 'call', healed), run => run.join(signal, progress));
  }

  async function callAction(name: string, body: Json, given: CallOptions = {}): Promise<CallAnswer> {
    const call = await calls.read(name, body);
    if (!call.action) throw new Internal(`${name} is an effect`, { hint: 'use callEffect' });
    const spec = runOf(call, given.skipCache === true ? 'all' : 'nothing');
    const answer = await runs.use(spec, run => run.join(given.signal, given.onEvent));
    // The run of an action ends with a Result.
    return { ...answer, result: answer.result as Result };
  }

  async function callEffect(name: string, body: Json, given: CallOptions = {}): Promise<Json> {
    const call = await calls.read(name, body);
    if (call.action) throw new Internal(`${name} is not an effect`, { hint: 'use call' });
    const answer = await runs.use(runOf(call, 'nothing'), run => run.join(given.signal, given.onEvent));
    // The run of an effect ends with the JSON that it returned.
    return answer.result as Json;
  }

  async function findRun(action: Digest): Promise<RunHandle | undefined> {
    const here = runs.find(action);
    if (here && here.snapshot().state !== 'failed') return here;
    for (const fn of functions.values()) {
      if (fn.kind === 'effect') continue;
      const result = await resolver.find(fn.name, action);
      if (result) return finishedRun(action, result);
    }
    return here ?? runStore.find(action);
  }

  return {
    functions,
    call: callAction,
    async find(name, body) {
      const call = await calls.read(name, body);
      return call.action && resolver.find(call.fn.name, call.digest);
    },
    async actionOf(name, body) {
      return (await calls.read(name, body)).action;
    },
    callEffect,
    async start(name, body, { skipCache = false } = {}) {
      const call = await calls.read(name, body);
      return runs.post(runOf(call, skipCache ? 'all' : 'nothing'), { effect: call.action === undefined });
    },
    heal: (work, signal) =>
      healer.heal(work, { run: digestOf(randomUUID()), signal, progress: () => {}, healed: new Set() }),
    findRun,
    drain: runs.drain,
    close: runs.close,
  };
}

/** A run that left only its result. */
function finishedRun(action: Digest, result: Result): RunHandle {
  const state = async () =>
    ({ action, function: result.action.function, state: 'done', cache: 'hit', result }) as const;
  return { action, function: result.action.function, state, wait: state, async *events() {}, cancel() {} };
}
