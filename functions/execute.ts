/** @file Every call of every function goes through here: parse, resolve names, look up, join or run, commit. */
import { availableParallelism } from 'node:os';
import PQueue from 'p-queue';
import { nearestName } from '../configs/suggest.ts';
import { BlobMissing, Busy, Internal, NotFound } from '../errors.ts';
import type { RunnerClient } from '../gpu-runner/protocol.ts';
import { createActionCache } from '../storage/action-cache.ts';
import { canonicalDigest, type Json } from '../storage/canonical.ts';
import { type Digest, isDigest } from '../storage/digest.ts';
import { type Action, COLUMN_NAMES, type ColumnName, type Result } from '../storage/records.ts';
import type { BlobStore, ObjectStore } from '../storage/types.ts';
import type {
  AnyFunction,
  CallAnswer,
  CallOptions,
  EffectContext,
  EffectFunction,
  FunctionContext,
  PageFunction,
  ProgressEvent,
  PureFunction,
  PureOutcome,
} from './define.ts';
import { effectAction } from './effect-action.ts';
import type { Executor, ExecutorCallOptions, RunHandle } from './executor.ts';
import { createMakers } from './makers.ts';
import { mapPages } from './map-pages.ts';
import { createNameResolver } from './names.ts';
import { type ParsedCall, parseCall } from './parse-call.ts';
import type { TaskPool } from './pool.ts';
import { createActionResolver, type Resolved } from './resolve-action.ts';
import { type Run, type RunAnswer, settleWithin, startRun } from './run.ts';
import { createRunStore } from './run-store.ts';
import { asAppError } from './thrown.ts';

/** Runs that may go on at once because somebody posted them. */
const MAX_RUNS = 512;
/** Ended runs kept in memory with their events. */
const MAX_ENDED_RUNS = 64;
/** Makers made again, one for the sake of the next, before a missing blob is given up. */
const MAX_HEALS = 16;

export interface ExecutorOptions {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly registry: readonly AnyFunction[];
  readonly runner: RunnerClient;
  readonly pool: TaskPool;
  readonly importRoots: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Pages in work at once; default: cores. */
  readonly concurrency?: number;
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

/** What a run needs to have a missing blob made again. */
interface Healing {
  readonly run: Digest;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  /** Makers that were tried for the sake of the first of these runs. */
  readonly healed: Set<Digest>;
}

type Work = (signal: AbortSignal, progress: Progress, refresh: Refresh) => Promise<RunAnswer>;

export function createExecutor(options: ExecutorOptions): Executor {
  const { store, blobs, now } = options;
  const functions = new Map(options.registry.map(fn => [fn.name, fn]));
  const cache = createActionCache(store);
  const resolver = createActionResolver(cache, blobs, now);
  const names = createNameResolver(store, blobs);
  const runStore = createRunStore(store, now);
  const makers = createMakers(store, cache, functions);
  const pages = new PQueue({ concurrency: options.concurrency ?? availableParallelism() });
  const pageFlights = new Map<Digest, Promise<Resolved>>();
  const running = new Map<Digest, Run>();
  const ended = new Map<Digest, Run>();
  const recording = new Set<Promise<void>>();
  /** Run -> the maker it waits for. */
  const remaking = new Map<Digest, Digest>();
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
      await checkInputs(parsed.inputs);
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
  async function checkInputs(inputs: Readonly<Record<string, Digest>>): Promise<void> {
    for (const [key, digest] of Object.entries(inputs)) {
      if ((await blobs.head(digest)) !== undefined) continue;
      throw new NotFound(`${key}: there is no blob ${digest}`, {
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

  function makeEffectContext(signal: AbortSignal, progress: Progress): EffectContext {
    const nested = (given: CallOptions = {}): ExecutorCallOptions => ({
      onEvent: progress,
      ...given,
      signal: given.signal ? AbortSignal.any([signal, given.signal]) : signal,
    });
    return {
      ...makeContext(signal, progress),
      store,
      importRoots: options.importRoots,
      call: (name, body, given) => call(name, body, nested(given)),
      callEffect: (name, body, given) => callEffect(name, body, nested(given)),
    };
  }

  function workOf({ fn, parsed, action, digest }: Call): Work {
    if (fn.kind === 'effect') {
      return async (signal, progress) => {
        const result = await runEffect(fn, parsed, makeEffectContext(signal, progress));
        return { action: digest, cache: 'miss', result };
      };
    }
    return async (signal, progress, refresh) => {
      if (action === undefined) throw new Internal(`${fn.name} has no action`);
      const resolved = await resolver.resolve(action, refresh !== 'nothing', async () => {
        await checkInputs(parsed.inputs);
        const ctx = makeContext(signal, progress);
        return fn.kind === 'page' ? runPages(fn, parsed, ctx, refresh === 'all') : runPure(fn, parsed, ctx);
      });
      makers.remember(resolved.result);
      return resolved;
    };
  }

  function runPages(
    fn: PageFunction,
    parsed: ParsedCall,
    ctx: FunctionContext,
    refresh: boolean,
  ): Promise<PureOutcome> {
    const { dataset, ...input } = parsed.input;
    if (typeof dataset !== 'string' || !isDigest(dataset))
      throw new Internal(`${fn.name} was parsed without a dataset`);
    return mapPages({
      fn,
      dataset,
      input,
      params: parsed.params,
      ctx: { ...ctx, progress: () => {} },
      progress: ctx.progress,
      queue: pages,
      dependents,
      resolve: (action, compute) => resolvePage(action, refresh, compute, ctx.signal),
    });
  }

  /** Two calls over datasets that share a page compute it once; one that is cancelled does not take the other with it. */
  async function resolvePage(
    action: Action,
    refresh: boolean,
    compute: () => Promise<PureOutcome>,
    signal: AbortSignal,
  ): Promise<Resolved> {
    const digest = canonicalDigest(action);
    while (true) {
      const other = pageFlights.get(digest);
      if (other === undefined) break;
      try {
        return await other;
      } catch (error) {
        signal.throwIfAborted();
        if (asAppError(error).code !== 'cancelled') throw error;
      }
    }
    const flight = resolver.resolve(action, refresh, compute).finally(() => pageFlights.delete(digest));
    pageFlights.set(digest, flight);
    return flight;
  }

  /** Columns that page functions compute from this one, and from those in turn. */
  function dependents(column: ColumnName): readonly ColumnName[] {
    const found = new Set<ColumnName>([column]);
    for (const reached of found) {
      for (const fn of functions.values()) {
        if (fn.kind === 'page' && fn.needs.includes(reached)) for (const added of fn.adds) found.add(added);
      }
    }
    found.delete(column);
    return COLUMN_NAMES.filter(name => found.has(name));
  }

  /** A nested blob found missing while in use: its maker runs again, once, and then the work does. */
  async function heal(work: Work, healing: Healing, refresh: Refresh): Promise<RunAnswer> {
    const { signal, progress } = healing;
    try {
      return await work(signal, progress, refresh);
    } catch (error) {
      const blob = missingBlob(error);
      if (blob === undefined || !(await remake(blob, healing))) throw error;
      return work(signal, progress, refresh);
    }
  }

  /** Whether the blob is there again. */
  async function remake(blob: Digest, { run, signal, progress, healed }: Healing): Promise<boolean> {
    for await (const maker of makers.find(blob, signal)) {
      const digest = canonicalDigest(maker);
      if (healed.has(digest) || waitsFor(digest, run)) continue;
      if (healed.size >= MAX_HEALS) return false;
      healed.add(digest);
      progress({ phase: maker.function, message: `a blob is missing from the store and made again: ${blob}` });
      const body: Json = { ...maker.params, ...maker.inputs, ...(maker.engine && { engine: maker.engine }) };
      const made = await readCall(findFunction(maker.function), body);
      remaking.set(run, digest);
      try {
        await useRun(made, other => other.join(signal, progress), { refresh: 'call', healed });
      } finally {
        remaking.delete(run);
      }
      if ((await blobs.head(blob)) !== undefined) return true;
    }
    return false;
  }

  /** Whether `from` is the run `to`, or waits for it, so that `to` must not wait for it. */
  function waitsFor(from: Digest, to: Digest): boolean {
    for (let at: Digest | undefined = from; at !== undefined; at = remaking.get(at)) if (at === to) return true;
    return false;
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
      now,
      work: (signal, progress) => heal(work, { run: given.digest, signal, progress, healed }, refresh),
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
    if (here) return here;
    for (const fn of functions.values()) {
      if (fn.kind === 'effect') continue;
      const result = await resolver.find(fn.name, action);
      if (result) return finishedRun(action, result);
    }
    return runStore.find(action);
  }

  return {
    functions,
    call,
    callEffect,
    start,
    findRun,
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

/** The blob that an error says is missing. */
function missingBlob(error: unknown): Digest | undefined {
  const known = asAppError(error);
  if (known.code !== new BlobMissing('').code) return undefined;
  const digest = known.details.digest ?? /sha256:[0-9a-f]{64}/.exec(known.message)?.[0];
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined;
}

/** A run that left only its result. */
function finishedRun(action: Digest, result: Result): RunHandle {
  const state = async () =>
    ({ action, function: result.action.function, state: 'done', cache: 'hit', result }) as const;
  return { action, function: result.action.function, state, wait: state, async *events() {}, cancel() {} };
}
