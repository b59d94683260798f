/** @file Defines a stage. Caching, idempotency, progress, errors and OpenAPI come from this one definition. */
import type { z } from 'zod';
import type { ProgressEvent } from '../configs/progress.ts';
import type { ColumnName } from '../configs/signals.ts';
import type { HubAccess } from '../downloads/hub-access.ts';
import type { RunnerClient } from '../gpu-runner/protocol.ts';
import type { Json } from '../storage/canonical.ts';
import type { Clock } from '../storage/clock.ts';
import type { Digest } from '../storage/digest.ts';
import type { LeaseTerms } from '../storage/names/lease.ts';
import type { Dataset, EngineSpec, Item, Result } from '../storage/records.ts';
import type { BlobRef, ObjectStore, StreamedBlobStore } from '../storage/types.ts';
import type { Noted } from './notes/notes.ts';

export interface FunctionContext {
  readonly blobs: StreamedBlobStore;
  readonly signal: AbortSignal;
  /** @throws Busy when no runner is reachable. */
  readonly runner: RunnerClient;
  readonly describer: Describer;
  progress(event: ProgressEvent): void;
  /** Runs a pure task of functions/tasks.ts in the worker_threads pool. */
  task<T>(name: string, input: unknown): Promise<T>;
}

/** A pure function knows its own action, for what it makes to tell, and may keep pieces of its work. */
export interface PureContext extends FunctionContext {
  /** Digest of the action. */
  readonly action: Digest;
  readonly piece: KeepPiece;
}

/**
 * The document that `make` returned for these params, in this call or an earlier one: work that was killed goes on from
 * its finished pieces. For work that is long and does not give equal documents twice. The first one stands. gc takes a
 * piece some time after the work is finished.
 * @param params All that decides the document.
 * @param make Its document has `v` and `links`. What it throws is not kept.
 */
export type KeepPiece = (params: Readonly<Record<string, Json>>, make: () => Promise<Json>) => Promise<Json>;

/** Where a server is reached, as it knows once it listens. */
export interface ServerAddress {
  /** Without a slash at the end. */
  readonly url: string;
  readonly needsToken: boolean;
}

/** A page function may keep pieces of its work. */
export interface PageContext extends FunctionContext {
  /** Tells how many pictures of the page are finished, or a message, by an event of the function's name. */
  progress(event: ProgressEvent): void;
  readonly piece: KeepPiece;
}

/** A question to a model that sees a picture. */
export interface DescribeRequest {
  readonly source: CaptionSource;
  readonly model: string;
  /** Digest that the model must have: hexadecimal, or its beginning. */
  readonly modelDigest?: string | undefined;
  readonly prompt: string;
  readonly png: Uint8Array;
  readonly temperature: number;
  readonly seed: number;
  /** Most tokens of the answer. */
  readonly maxTokens: number;
  /** Whether the server is asked how likely the first token of the answer is, and others in its place. */
  readonly likelihoods?: boolean | undefined;
}

export type CaptionSource = 'ollama' | 'openai';

/** What a model answered, as it came. */
export interface Description {
  readonly text: string;
  /** Why the answer ends: by itself, at the limit of tokens, by a filter of the server; unknown if nobody says. */
  readonly finish: 'stop' | 'length' | 'filter' | 'unknown';
  /** Digest of the model that answered, in hexadecimal, if the server tells. */
  readonly modelDigest?: string | undefined;
  /** First token of the answer and others in its place, with the logarithms of their probabilities, if it is told. */
  readonly firstTokens?: readonly LikelyToken[] | undefined;
}

export interface LikelyToken {
  readonly token: string;
  readonly logprob: number;
}

/** Asks the models of the servers that the environment names. */
export interface Describer {
  /** Questions that are asked at the same time. */
  readonly concurrency: number;
  /** Model that the environment names for a source. */
  readonly models: Readonly<Partial<Record<CaptionSource, string>>>;
  /**
   * Asks again, after growing waits, while the server is busy or away.
   * @param tell Gets a line when the server gives no answer, and when it answers again.
   * @throws Busy when no server answers, Unprocessable when the server refuses the question for good.
   */
  describe(request: DescribeRequest, signal: AbortSignal, tell?: (line: string) => void): Promise<Description>;
}

/** An effect may also read and move names, call functions, and write views. */
export interface EffectContext extends FunctionContext {
  readonly store: ObjectStore;
  readonly importRoots: readonly string[];
  /** Places of buckets that an import may read, as EASEL_IMPORT_BUCKETS has them. */
  readonly importBuckets: readonly string[];
  /** Terms of the leases of experiments. */
  readonly lease: LeaseTerms;
  readonly now: Clock['now'];
  /** Where fetch-models finds weights. */
  readonly hub: HubAccess;
  /** Of this server; views print it. */
  readonly address?: (() => ServerAddress | undefined) | undefined;
  /** Calls a pure or page function by name; progress is forwarded. A page function's output is named `dataset`. */
  call(name: string, body: Json, options?: CallOptions): Promise<CallAnswer>;
  /** Runs another effect by name, or joins its run, and returns its JSON; progress is forwarded. */
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

/** A pure function returns the blobs that it has put, and numbers that are not in any digest. */
export interface PureOutcome {
  readonly outputs: Readonly<Record<string, BlobRef>>;
  /** Every blob that is reachable only through the outputs. The executor adds the outputs themselves. */
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
  /** One sentence: the summary in OpenAPI. */
  readonly summary: string;
  /** Raised when equal inputs would give other bytes, or a page other notes. */
  readonly version: number;
  /** A body for the curl line in the docs. */
  readonly example: Json;
}

/** The keys of a flat body that hold digests, or names that resolve to digests. */
export interface InputSpec {
  /** By key: the kind of thing that a name there refers to. */
  readonly digests?: Readonly<Record<string, 'dataset' | 'experiment' | 'blob'>>;
}

/** Versions of libraries that change bytes. They enter the action. */
export type Tools = Readonly<Record<string, string>>;

/** What the names of the store say at the moment of a call. */
export interface AdmissionContext extends Pick<FunctionContext, 'blobs' | 'progress'> {
  readonly store: ObjectStore;
}

export interface PureFunction<I extends z.ZodObject = z.ZodObject> extends Definition, InputSpec {
  readonly kind: 'pure';
  readonly input: I;
  readonly tools?: Tools;
  /** Whether the body key `engine` becomes the action's engine. */
  readonly usesEngine?: boolean;
  /**
   * Refuses a call by what names say now, also one whose result is stored. It has no part in the result. Default:
   * every call is welcome.
   */
  admit?(ctx: AdmissionContext, input: z.output<I>): Promise<void>;
  run(ctx: PureContext, input: z.output<I> & { readonly engine?: EngineSpec }): Promise<PureOutcome>;
}

export interface EffectFunction<I extends z.ZodObject = z.ZodObject> extends Definition, InputSpec {
  readonly kind: 'effect';
  readonly input: I;
  /** Calls with the same key share one run. */
  key(input: z.output<I>): string;
  run(ctx: EffectContext, input: z.output<I>): Promise<Json>;
}

/** The items of one page, and the content of the columns that the function needs. */
export interface PageInput {
  readonly items: readonly Item[];
  /** Members of each needed column by `{id}.{suffix}`; none when the function leaves its columns unread. */
  readonly columns: Readonly<Partial<Record<ColumnName, ReadonlyMap<string, Uint8Array>>>>;
  /** The blobs of the needed columns. */
  readonly digests: Readonly<Partial<Record<ColumnName, Digest>>>;
}

export interface PageOutcome {
  /**
   * The new columns: members by `{id}.{suffix}`, which the executor packs as an indexed tar, or the blob of a stored
   * tar.
   */
  readonly columns: Readonly<Partial<Record<ColumnName, ReadonlyMap<string, Uint8Array> | BlobRef>>>;
  /** What was decided about single pictures. The executor adds up the notes of all pages for the dataset. */
  readonly notes?: readonly Noted[];
  readonly stats?: Readonly<Record<string, Json>>;
}

/** A data stage. The executor maps it over the pages of a dataset, each page an action of its own. */
export interface PageFunction<I extends z.ZodObject = z.ZodObject> extends Definition {
  readonly kind: 'page';
  /** Params only: the executor adds `dataset`. */
  readonly input: I;
  readonly needs: readonly ColumnName[];
  /** Columns that a call reads where the page has them; they enter the action of the page then. */
  readonly uses?: readonly ColumnName[];
  /** Those that this call reads; default: all of `uses`. */
  reads?(input: z.output<I>): readonly ColumnName[];
  /** Columns that this call needs beside `needs`. Default: none. */
  alsoNeeds?(input: z.output<I>): readonly ColumnName[];
  /** All columns that a call may add. */
  readonly adds: readonly ColumnName[];
  /** The columns that this call adds; default: all of `adds`. */
  makes?(input: z.output<I>): readonly ColumnName[];
  readonly tools?: Tools | ((input: z.output<I>) => Tools);
  /** Columns about what the call makes: the page loses those that the call does not make itself. */
  readonly voids?: readonly ColumnName[];
  /** Fills in defaults that depend on other keys; default: the parsed input. */
  complete?(input: z.output<I>): z.output<I>;
  /** Whether the body key `engine` becomes the action's engine. */
  readonly usesEngine?: boolean;
  /** Whether the body key `weights` has digests of blobs by part, which enter the action's inputs. */
  readonly usesWeights?: boolean;
  /** Refuses a call by the whole dataset, before a page is computed. */
  check?(ctx: FunctionContext, dataset: Dataset, input: z.output<I>): Promise<void>;
  /**
   * Whether pages wait for another server most of the time. Then they take no place from those that compute. Default:
   * false.
   */
  waitsForOthers?(input: z.output<I>): boolean;
  /** Whether the function uses only the digests of its columns, so that the executor reads none. */
  leavesUnread?(input: z.output<I>): boolean;
  /** The encoders of the new columns with their dimensions, for the dataset. */
  encoders?(input: z.output<I>, weights?: WeightDigests, before?: Dataset): Partial<Dataset['encoders']>;
  /** What the dataset says of all its items together, without removed ones. Not cached by page. */
  describe?(items: readonly Item[], input: z.output<I>): Pick<Dataset, 'buckets'>;
  run(ctx: PageContext, page: PageInput, input: z.output<I> & PageExtras): Promise<PageOutcome>;
}

/** Digests of the blobs of weights, by part. */
export type WeightDigests = Readonly<Record<string, readonly Digest[]>>;

/** Added to the input of a page function that uses an engine or weights. */
export interface PageExtras {
  readonly engine?: EngineSpec;
  readonly weights?: WeightDigests;
}

// A registry holds functions of any input type. The executor parses the input with the function's own schema.
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
