/** @file What a job may touch. Jobs are the only code that gets an engine instance. */
import type { ProgressEvent } from '../../configs/progress.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Engine } from '../compiler/engine.ts';
import type { Job, JobKind, JobResult } from '../protocol.ts';
import type { TrainingSource } from '../training/source.ts';
import type { ColumnSourceOptions } from './column-source.ts';

export interface JobContext {
  /** Hashes and writes in a worker, so that the engine's thread does not wait. */
  readonly blobs: BlobStore;
  /** The runner's engine for a spec; one instance each, kept warm. */
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
   * Called between optimizer steps, sampler steps or other units of work: lets waiting interactive jobs run to their end beside the
   * resident state. `stop`: the runner shuts down, commit what is finished. @throws Cancelled
   */
  breathe(): Promise<'continue' | 'stop'>;
}

export type JobHandler<K extends JobKind = JobKind> = (ctx: JobContext, job: Job<K>) => Promise<JobResult>;

/** Total over the kinds, so that TypeScript names a missing handler. */
export type JobHandlers = { readonly [K in JobKind]: JobHandler<K> };
