/** @file The means of a job. Jobs are the only code that gets an engine instance. */
import type { ProgressEvent } from '../../configs/progress.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Engine } from '../compiler/engine.ts';
import type { Job, JobKind, JobResult } from '../protocol.ts';
import type { TrainingSource } from '../training/source.ts';
import type { ColumnSourceOptions } from './column-source.ts';

export interface JobContext {
  /** A worker hashes and writes, so that the engine's thread does not wait. */
  readonly blobs: BlobStore;
  /** The runner has one warm engine per spec. */
  engine(spec: EngineSpec): Promise<Engine>;
  /**
   * Opens the train split of a dataset in a thread of its own, within the runner's budget for pages.
   * @throws what openColumnSource throws.
   */
  openSource(
    options: Omit<ColumnSourceOptions, 'budgetBytes'>,
    onPage: (done: number, total: number) => void,
  ): Promise<TrainingSource>;
  progress(event: ProgressEvent): void;
  /**
   * A job calls it between its units of work, such as optimizer steps and sampler steps. Waiting interactive jobs run
   * to their end meanwhile; the state on the device stays. `stop`: the runner shuts down, so commit the finished units.
   * @throws Cancelled
   */
  breathe(): Promise<'continue' | 'stop'>;
}

export type JobHandler<K extends JobKind = JobKind> = (ctx: JobContext, job: Job<K>) => Promise<JobResult>;

/** Total over the kinds, so TypeScript names a missing handler. */
export type JobHandlers = { readonly [K in JobKind]: JobHandler<K> };
