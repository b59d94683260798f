/** @file A server in the process of a test, with the training functions over a gpu-runner without a model. */
import { createTrainingLab, putToyDataset, type TrainingLab } from '../../functions/testing/training.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Lifetimes } from '../../storage/gc/lifetimes.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { ExpectJson } from '../../test/site/send.ts';
import { createApp } from '../app.ts';
import type { ServerDeps } from '../deps.ts';
import { parseEnv } from '../env.ts';

export interface TrainingServer extends TrainingLab {
  readonly deps: ServerDeps;
  readonly dataset: Digest;
  /** A JSON request as curl sends it. */
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  readonly expectJson: ExpectJson;
}

export async function createTrainingServer(store?: ObjectStore, lifetimes?: Lifetimes): Promise<TrainingServer> {
  const lab = createTrainingLab(store, lifetimes === undefined ? {} : { lifetimes });
  const deps: ServerDeps = {
    ...lab,
    env: parseEnv({ EASEL_STORE: 'memory:' }, '/'),
    clock: lifetimes?.clock ?? SYSTEM_CLOCK,
  };
  const app = createApp(deps);
  const send: TrainingServer['send'] = async (method, path, body, headers = {}) =>
    app.request(path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  return {
    ...lab,
    deps,
    dataset: await putToyDataset(lab.blobs),
    send,
    async expectJson(status, method, path, body, headers) {
      const response = await send(method, path, body, { accept: 'application/json', ...headers });
      const document = await response.json();
      if (response.status === status) return document;
      throw new Error(`${method} ${path}: ${response.status} instead of ${status}: ${JSON.stringify(document)}`);
    },
  };
}
