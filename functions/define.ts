/** @file Defines a stage. Caching, idempotency, progress, errors and OpenAPI come from this one definition. */
import type { z } from 'zod';
import type { ProgressEvent } from '../configs/progress.ts';
import type { ColumnName } from '../configs/signals.ts';
import type { RunnerClient } from '../gpu-runner/protocol.ts';
import type { Json } from '../storage/canonical.ts';
import type { Clock } from '../storage/clock.ts';
import type { Digest } from '../storage/digest.ts';
import type { LeaseTerms } from '../storage/lease.ts';
import type { Dataset, EngineSpec, Item, Result } from '../storage/records.ts';
import type { BlobRef, BlobStore, ObjectStore } from '../storage/types.ts';

export interface FunctionContext {
  readonly blobs: BlobStore;
  readonly signal: AbortSignal;
  /** @throws Busy when no runner is reachable. */
  readonly runner: RunnerClient;
  progress(event: ProgressEvent): void;
  /** Runs a pure task of functions/tasks.ts in the worker_threads pool. */
  task<T>(name: string, input: unknown): Promise<T>;
}

/** What effects may do beyond that: read and move names, call pure functions, write views. */
export interface EffectContext extends FunctionContext {
  readonly store: ObjectStore;
  readonly importRoots: readonly string[];
  /** Of the leases of experiments. */
  readonly lease: LeaseTerms;
  readonly now: Clock['now'];
  /** Calls a pure or page function by name; progress is forwarded. A page function's output is named `dataset`. */
  call(name: string, body: Json, options?: CallOptions): Promise<CallAnswer>;
  /** Runs another effect by name (joins it when it goes on already) and returns its JSON; progress is forwarded. */
  callEffect(name: string, body: Json, options?: CallOptions): Promise<Json>;
  /**
   * Makes a missing blob again by the action that made it. A thrown BlobMissing does the same.
   * @returns False if no result names an action that made the blob.
   */
  restore(blob: Digest): Promise<boolean>;
}

export interface CallOptions {
  readonly skipCache?: boolean;
  readonly signal?: AbortSignal;
  /** Gets the progress of the call instead of the caller's own log. */
  readonly onEvent?: (event: ProgressEvent) => void;
}

export interface CallAnswer {
  readonly action: Digest;
  readonly cache: 'hit' | 'miss';
  readonly result: Result;
}

/** What a pure function returns: blobs it has put, and numbers that are no part of any digest. */
export interface PureOutcome {
  readonly outputs: Readonly<Record<string, BlobRef>>;
  /** Every blob reachable only through the outputs; the outputs themselves are linked by execute. */
  readonly links?: readonly Digest[];
  readonly stats?: Readonly<Record<string, Json>>;
  /**
   * Params of the action under which the result is committed instead, such as those of a chunk that a shutdown cut
   * short.
   */
  readonly params?: Readonly<Record<string, Json>>;
}

interface Definition {
  readonly name: string;
  /** One sentence for people; the summary in OpenAPI. */
  readonly summary: string;
  /** Raised when equal inputs would give other bytes. */
  readonly version: number;
  /** A body for the curl line in the docs. */
  readonly example: Json;
}

/** How a flat body is divided into the action's parts: these keys hold digests (or names that resolve to them). */
export interface InputSpec {
  /** Body keys that are digests, and what a `name` there refers to. */
  readonly digests?: Readonly<Record<string, 'dataset' | 'experiment' | 'blob'>>;
}

/** Versions of libraries that change bytes. They enter the action. */
export type Tools = Readonly<Record<string, string>>;

export interface PureFunction<I extends z.ZodObject = z.ZodObject> extends Definition, InputSpec {
  readonly kind: 'pure';
  readonly input: I;
  readonly tools?: Tools;
  /** The action's `engine`, taken out of the body key `engine`. */
  readonly usesEngine?: boolean;
  run(ctx: FunctionContext, input: z.output<I> & { readonly engine?: EngineSpec }): Promise<PureOutcome>;
}

export interface EffectFunction<I extends z.ZodObject = z.ZodObject> extends Definition, InputSpec {
  readonly kind: 'effect';
  readonly input: I;
  /** Two bodies with the same key are one run; a call joins the one that goes on. */
  key(input: z.output<I>): string;
  run(ctx: EffectContext, input: z.output<I>): Promise<Json>;
}

/** The items of one page and the columns that the function needs, read. */
export interface PageInput {
  readonly items: readonly Item[];
  /** Members of each needed column by `{id}.{suffix}`; none when the function leaves its columns unread. */
  readonly columns: Readonly<Partial<Record<ColumnName, ReadonlyMap<string, Uint8Array>>>>;
  /** The blobs of the needed columns. */
  readonly digests: Readonly<Partial<Record<ColumnName, Digest>>>;
}

export interface PageOutcome {
  /** The new columns: members `{id}.{suffix}` -> bytes, which execute packs as an indexed tar, or a tar that is stored already. */
  readonly columns: Readonly<Partial<Record<ColumnName, ReadonlyMap<string, Uint8Array> | BlobRef>>>;
  readonly stats?: Readonly<Record<string, Json>>;
}

/** Data stages: `execute` maps them over the pages of a dataset, each page an action of its own. */
export interface PageFunction<I extends z.ZodObject = z.ZodObject> extends Definition {
  readonly kind: 'page';
  /** Params only: `dataset` is added by execute. */
  readonly input: I;
  readonly needs: readonly ColumnName[];
  /** All columns that a call may add. */
  readonly adds: readonly ColumnName[];
  /** The columns that this call adds; absent: all of `adds`. */
  makes?(input: z.output<I>): readonly ColumnName[];
  readonly tools?: Tools | ((input: z.output<I>) => Tools);
  /** The input with defaults that depend on other keys; absent: the input as its schema reads it. */
  complete?(input: z.output<I>): z.output<I>;
  /** The action's `engine`, taken out of the body key `engine`. */
  readonly usesEngine?: boolean;
  /** The body key `weights`: digests of blobs by part, which enter the action's inputs. */
  readonly usesWeights?: boolean;
  /** Hands the digests of its columns on and does not read them. */
  leavesUnread?(input: z.output<I>): boolean;
  /** The encoder that made each new column, and its dimensions: entered into the dataset. */
  encoders?(input: z.output<I>, weights?: WeightDigests): Partial<Dataset['encoders']>;
  run(ctx: FunctionContext, page: PageInput, input: z.output<I> & PageExtras): Promise<PageOutcome>;
}

/** Digests of the blobs of weights, by part. */
export type WeightDigests = Readonly<Record<string, readonly Digest[]>>;

/** What a page function that uses an engine or weights gets beside its input. */
export interface PageExtras {
  readonly engine?: EngineSpec;
  readonly weights?: WeightDigests;
}

// Variance: a registry holds functions of any input type, and execute parses with the very schema before it calls run.
// biome-ignore lint/suspicious/noExplicitAny: the one place where input types are forgotten
export type AnyFunction = PureFunction<any> | EffectFunction<any> | PageFunction<any>;

export function defineFunction<I extends z.ZodObject>(definition: PureFunction<I>): PureFunction<I>;
export function defineFunction<I extends z.ZodObject>(definition: EffectFunction<I>): EffectFunction<I>;
export function defineFunction(definition: AnyFunction): AnyFunction {
  return definition;
}

export function definePageFunction<I extends z.ZodObject>(definition: Omit<PageFunction<I>, 'kind'>): PageFunction<I> {
  return { ...definition, kind: 'page' };
}
