/** @file A function that a command calls and waits for, with progress. The end of the command ends the run. */
import type { ProgressEvent } from '../configs/progress.ts';
import type { ApiClient, CallOptions, CallOutcome } from './http.ts';
import { createProgressView } from './progress.ts';
import { abortOnStop } from './stop-signals.ts';

/** Seconds in which a call that was started cannot be stopped yet, since its run has no address. */
const ADDRESS_SECONDS = 1;

export interface ForegroundOptions extends Pick<CallOptions, 'skipCache'> {
  /** Seconds before progress is shown; default 1. */
  readonly wait?: number;
  /** Shows no progress. */
  readonly quiet?: boolean | undefined;
  /** Changes events before they are shown; gets all of them, in their order. */
  readonly relabel?: (event: ProgressEvent) => ProgressEvent;
}

/**
 * Ctrl-C and SIGTERM stop the run. A terminal that goes away leaves it alone.
 * @throws Cancelled when the run was stopped; the exit code is set then.
 */
export async function callInForeground(
  api: Pick<ApiClient, 'call'>,
  name: string,
  body: unknown,
  { wait = ADDRESS_SECONDS, quiet = false, skipCache = false, relabel = event => event }: ForegroundOptions = {},
): Promise<CallOutcome> {
  const view = createProgressView();
  const stop = abortOnStop('the run is stopped');
  let latest: ProgressEvent | undefined;
  let shows = false;
  const timer = setTimeout(() => {
    shows = !quiet;
    if (shows && latest) view.update(latest);
  }, wait * 1000);
  const onEvent = (event: ProgressEvent) => {
    latest = relabel(event);
    if (shows) view.update(latest);
  };
  try {
    return await api.call(name, body, { wait: Math.min(wait, ADDRESS_SECONDS), skipCache, stop, onEvent });
  } finally {
    clearTimeout(timer);
    view.stop();
  }
}
