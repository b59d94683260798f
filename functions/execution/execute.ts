/** @file Every call of every function goes through here: parse, resolve names, look up, join or run, commit. */
import { randomUUID } from 'node:crypto';
import type { ProgressEvent } from '../../configs/progress.ts';
import { nearestName } from '../../configs/suggest.ts';
import { BlobMissing, Busy, Internal, NotFound } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import { createActionCache } from '../../storage/action-cache.ts';
import { canonicalDigest, type Json } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import type { Lifetimes } from '../../storage/gc/lifetimes.ts';
import type { LeaseTerms } from '../../storage/lease.ts';
import type { Action, Result } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import type {
  AnyFunction,
  CallAnswer,
  CallOptions,
  EffectContext,
  EffectFunction,
  FunctionContext,
  PureFunction,
  PureOutcome,
} from '../define.ts';
import { effectAction } from './effect-action.ts';
import type { Executor, ExecutorCallOptions, RunHandle } from './executor.ts';
import { createHealer, type Healing } from './heal.ts';
import { createMakers } from './makers.ts';
import { createPageMapper } from './map-pages.ts';
import { createNameResolver } from './names.ts';
import { type ParsedCall, parseCall } from './parse-call.ts';
import type { TaskPool } from './pool.ts';
import { createActionResolver } from './resolve-action.ts';
import { type Run, type RunAnswer, settleWithin, startRun } from './run.ts';
import { createRunStore } from './run-store.ts';

/** Runs that may go on at once because somebody posted them. */
const MAX_RUNS = 512;
/** Ended runs kept in memory with their events. */
const MAX_ENDED_RUNS = 64;
export interface ExecutorOptions {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly registry: readonly AnyFunction[];
  readonly runner: RunnerClient;
  readonly pool: TaskPool;
  readonly importRoots: readonly string[];
  readonly clock: Clock;
  /** Pages in work at once; default: cores. */
  readonly concurrency?: number;
  /** Of the leases of experiments; default: 30 s by `clock`. */
  readonly lease?: LeaseTerms;
  /** When results are extended before they are relied upon; default: as gc asks for. */
  readonly lifetimes?: Lifetimes;
}

interface Call {
  readonly fn: AnyFunction;
  readonly parsed: ParsedCall;
  /** Of a pure or page function. */
  readonly action: Action | undefined;
  readonly digest: Digest;
}

/** What is computed although there is a result: nothing, this call but not its pages (one of its blobs is gone), or all of it. */
type Refresh = 'nothing' | 'call' | 'all';

type Progress = (event: ProgressEvent) => void;

type Work = (signal: AbortSignal, progress: Progress, refresh: Refresh) => Promise<RunAnswer>;

export function createExecutor(options: ExecutorOptions): Executor {
  const { store, blobs, clock } = options;
  const functions = new Map(options.registry.map(fn => [fn.name, fn]));
  const cache = createActionCache(store, options.lifetimes);
  const resolver = createActionResolver(cache, blobs, clock.monotonic);
  const names = createNameResolver(store);
  const runStore = createRunStore(store, clock.now);
  const makers = createMakers(store, cache, functions);
  const healer = createHealer(makers, blobs, remake);
  const mapPages = createPageMapper(functions, resolver, options.concurrency);
  const running = new Map<Digest, Run>();
  const ended = new Map<Digest, Run>();
  const recording = new Set<Promise<void>>();
  let posted = 0;
  let draining = false;

  function findFunction(name: string): AnyFunction {
    const fn = functions.get(name);
    if (fn) return fn;
    const nearest = nearestName(name, [...functions.keys()]);
    throw new NotFound(`there is no function "${name.slice(0, 100)}"`, {
      expected: `one of ${[...functions.keys()].join(', ')}`,
      ...(nearest !== undefined && { hint: `did you mean ${nearest}?` }),
    });
  }

  async function readCall(fn: AnyFunction, body: Json): Promise<Call> {
    const parsed = await parseCall(fn, body, names.resolve);
    if (fn.kind === 'effect') {
      await checkInputs(parsed);
      return { fn, parsed, action: undefined, digest: effectAction(fn, parsed.input) };
    }
    const { params, inputs, engine } = parsed;
    const action: Action = {
      v: 1,
      function: fn.name,
      version: fn.version,
      params,
      inputs: { ...inputs },
      ...(fn.tools && { tools: { ...fn.tools } }),
      ...(engine && { engine }),
    };
    return { fn, parsed, action, digest: canonicalDigest(action) };
  }

  /** A hit needs no inputs; work does, and a digest that nobody has stored is the caller's mistake. */
  async function checkInputs({ inputs, resolved }: ParsedCall): Promise<void> {
    for (const [key, digest] of Object.entries(inputs)) {
      if ((await blobs.keep(digest)) !== undefined) continue;
      // What a name stands for was stored, and is lost.
      const Missing = key in resolved ? BlobMissing : NotFound;
      throw new Missing(`${key}: there is no blob ${digest}`, {
        expected: 'the digest of a stored blob, or a name',
        hint: 'PUT it to /objects, or repeat the call that made it',
        details: { key, digest },
      });
    }
  }

  function makeContext(signal: AbortSignal, progress: Progress): FunctionContext {
    return {
      blobs,
      signal,
      progress,
      runner: options.runner,
      task: (name, input) => options.pool.run(name, input, signal),
    };
  }

  function makeEffectContext(run: Digest, signal: AbortSignal, progress: Progress): EffectContext {
    const nested = (given: CallOptions = {}): ExecutorCallOptions => ({
      onEvent: progress,
      ...given,
      signal: given.signal ? AbortSignal.any([signal, given.signal]) : signal,
    });
    return {
      ...makeContext(signal, progress),
      store,
      importRoots: options.importRoots,
      lease: options.lease ?? { clock },
      now: clock.now,
      call: (name, body, given) => call(name, body, nested(given)),
      callEffect: (name, body, given) => callEffect(name, body, nested(given)),
      restore: blob => healer.restore(blob, { run, signal, progress, healed: new Set() }),
    };
  }

  function workOf({ fn, parsed, action, digest }: Call): Work {
    if (fn.kind === 'effect') {
      return async (signal, progress) => {
        const result = await runEffect(fn, parsed, makeEffectContext(digest, signal, progress));
        return { action: digest, cache: 'miss', result };
      };
    }
    return async (signal, progress, refresh) => {
      if (action === undefined) throw new Internal(`${fn.name} has no action`);
      const resolved = await resolver.resolve(action, refresh !== 'nothing', async () => {
        await checkInputs(parsed);
        const ctx = makeContext(signal, progress);
        return fn.kind === 'page' ? mapPages(fn, parsed, ctx, refresh === 'all') : runPure(fn, parsed, ctx);
      });
      makers.remember(resolved.action, resolved.result);
      return resolved;
    };
  }

  /** Only the call: its pages are looked at one by one. */
  async function remake(maker: Action, { signal, progress, healed }: Healing): Promise<void> {
    const body: Json = { ...maker.params, ...maker.inputs, ...(maker.engine && { engine: maker.engine }) };
    const made = await readCall(findFunction(maker.function), body);
    await useRun(made, run => run.join(signal, progress), { refresh: 'call', healed });
  }

  /** Hands the run of this call that goes on, or a new one, to `use` before its last caller can leave it. */
  async function useRun<T>(
    given: Call,
    use: (run: Run) => T | Promise<T>,
    { refresh, healed = new Set() }: { readonly refresh: Refresh; readonly healed?: Set<Digest> },
  ): Promise<T> {
    while (true) {
      const other = running.get(given.digest);
      if (other === undefined) break;
      if (!other.stopping) return use(other);
      await other.ended;
    }
    if (draining) throw new Busy('the server is stopping', { hint: 'send the call again', retryAfterSeconds: 5 });
    const work = workOf(given);
    const run = startRun<Result | Json>({
      action: given.digest,
      function: given.fn.name,
      resolved: given.parsed.resolved,
      now: clock.now,
      work: (signal, progress) =>
        healer.heal(() => work(signal, progress, refresh), { run: given.digest, signal, progress, healed }),
    });
    running.set(given.digest, run);
    void run.ended.then(() => running.delete(given.digest));
    return use(run);
  }

  async function call(name: string, body: Json, given: ExecutorCallOptions = {}): Promise<CallAnswer> {
    const fn = findFunction(name);
    if (fn.kind === 'effect') throw new Internal(`${name} is an effect`, { hint: 'use callEffect' });
    const answer = await useRun(await readCall(fn, body), run => run.join(given.signal, given.onEvent), {
      refresh: given.skipCache === true ? 'all' : 'nothing',
    });
    // workOf a pure or page function answers with a Result.
    return { ...answer, result: answer.result as Result };
  }

  async function callEffect(name: string, body: Json, given: ExecutorCallOptions = {}): Promise<Json> {
    const fn = findFunction(name);
    if (fn.kind !== 'effect') throw new Internal(`${name} is no effect`, { hint: 'use call' });
    const answer = await useRun(await readCall(fn, body), run => run.join(given.signal, given.onEvent), {
      refresh: 'nothing',
    });
    // workOf an effect answers with the JSON that it returned.
    return answer.result as Json;
  }

  async function start(name: string, body: Json, { skipCache = false } = {}): Promise<RunHandle> {
    const fn = findFunction(name);
    const given = await readCall(fn, body);
    const isNew = !running.has(given.digest);
    if (isNew && posted >= MAX_RUNS) {
      throw new Busy(`${posted} runs go on already`, { expected: `at most ${MAX_RUNS}`, retryAfterSeconds: 10 });
    }
    return useRun(given, run => keepRun(run, fn.kind === 'effect'), { refresh: skipCache ? 'all' : 'nothing' });
  }

  /** A posted run goes on whoever waits, and leaves its events and state behind. */
  function keepRun(run: Run, effect: boolean): RunHandle {
    if (run.detach()) {
      posted++;
      const record = runStore.record(run, { effect }).finally(() => recording.delete(record));
      recording.add(record);
      void run.ended.then(() => {
        posted--;
        ended.delete(run.action);
        ended.set(run.action, run);
        for (const oldest of ended.keys()) if (ended.size > MAX_ENDED_RUNS) ended.delete(oldest);
      });
    }
    return run;
  }

  async function findRun(action: Digest): Promise<RunHandle | undefined> {
    const here = running.get(action) ?? ended.get(action);
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
    call,
    callEffect,
    start,
    findRun,
    heal: (work, signal) =>
      healer.heal(work, { run: digestOf(randomUUID()), signal, progress: () => {}, healed: new Set() }),
    async drain(ms) {
      draining = true;
      const all = Promise.all([...running.values()].map(run => run.ended));
      await settleWithin(
        all.then(() => Promise.all(recording)).then(() => {}),
        ms,
      );
    },
    async close() {
      const open = [...running.values()];
      for (const run of open) run.cancel();
      await Promise.all(open.map(run => run.ended));
      await Promise.all(recording);
    },
  };
}

function runPure(fn: PureFunction, parsed: ParsedCall, ctx: FunctionContext): Promise<PureOutcome> {
  return fn.run(ctx, { ...parsed.input, ...(parsed.engine && { engine: parsed.engine }) });
}

function runEffect(fn: EffectFunction, parsed: ParsedCall, ctx: EffectContext): Promise<Json> {
  return fn.run(ctx, parsed.input);
}

/** A run that left only its result. */
function finishedRun(action: Digest, result: Result): RunHandle {
  const state = async () =>
    ({ action, function: result.action.function, state: 'done', cache: 'hit', result }) as const;
  return { action, function: result.action.function, state, wait: state, async *events() {}, cancel() {} };
}
