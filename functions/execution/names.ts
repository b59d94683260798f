/** @file Names in place of digests: `portraits`, `my-run@latest`, `my-run@500`. */

import { nearestName } from '../../configs/suggest.ts';
import { InvalidInput, NotFound, Unprocessable } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { DigestKind } from './parse-call.ts';

export interface NameResolver {
  /** @param key Place of the name, for errors. @throws InvalidInput, NotFound, Unprocessable */
  resolve(kind: DigestKind, text: string, key: string): Promise<Digest>;
}

/** Splits `name@version`. @param key Place of the text, for errors. @throws InvalidInput */
export function splitName(text: string, key: string): { readonly name: string; readonly version: string | undefined } {
  const [name = '', version, ...rest] = text.split('@');
  if (rest.length > 0) throw new InvalidInput(`${key}: "${text.slice(0, 100)}" has more than one @`);
  return { name, version };
}

/**
 * The checkpoint that `name@version` means.
 * @param version `latest`, `best`, `clean` or a step. @throws InvalidInput, NotFound, Unprocessable
 */
export function findCheckpoint(name: string, head: ExperimentHead, version = 'latest'): KeptCheckpoint {
  const newest = head.history.at(-1);
  if (version === 'latest') {
    if (newest !== undefined) return newest;
    throw new Unprocessable(`the experiment "${name}" has no checkpoint yet`, {
      hint: `train it: POST /experiments/${name}/train`,
    });
  }
  const kept = listKept(head);
  const steps = kept.map(({ step }) => step);
  if (version === 'best') {
    if (head.best !== undefined) {
      const { step, checkpoint, result } = head.best;
      return { step, checkpoint, result };
    }
    throw new Unprocessable(`the experiment "${name}" has no best checkpoint: none was measured on held-out pictures`, {
      expected: `${name}@latest, or a step: ${steps.join(', ') || 'none yet'}`,
      hint: 'train with run.validation, on a dataset that has pictures of the split val',
    });
  }
  if (version === 'clean') {
    if (head.clean !== undefined) return head.clean;
    throw new Unprocessable(`no check found a checkpoint of "${name}" that draws no copies of training pictures`, {
      expected: `${name}@latest, or a step: ${steps.join(', ') || 'none yet'}`,
      hint: `easel check-memorization ${name}; run.check_memorization checks during a training`,
    });
  }
  if (!/^\d{1,9}$/.test(version)) throw badVersion(name, version, '@latest, @best, @clean or a step');
  const found = kept.find(({ step }) => step === Number(version));
  if (found !== undefined) return found;
  throw new NotFound(`the experiment "${name}" keeps no checkpoint of step ${version}`, {
    expected: `@latest or one of the steps ${steps.join(', ') || '(none yet)'}`,
  });
}

export function createNameResolver(store: ObjectStore): NameResolver {
  const refs = createRefs(store);

  async function resolveDataset(name: string, version: string | undefined): Promise<Digest> {
    if (version !== undefined && version !== 'latest') throw badVersion(name, version, 'a dataset has only @latest');
    const head = await refs.datasets.read(name);
    if (head === undefined) throw await unknownName('dataset', name, refs.datasets.list());
    return head.value.dataset;
  }

  async function resolveExperiment(name: string, version: string | undefined): Promise<Digest> {
    const head = (await refs.experiments.read(name))?.value;
    if (head === undefined) throw await unknownName('experiment', name, refs.experiments.list());
    return findCheckpoint(name, head, version).checkpoint;
  }

  return {
    async resolve(kind, text, key) {
      const { name, version } = splitName(text, key);
      if (kind === 'dataset') return resolveDataset(name, version);
      if (kind === 'experiment') return resolveExperiment(name, version);
      throw new InvalidInput(`${key}: "${text.slice(0, 100)}" is not a digest`, {
        expected: 'sha256:<64 hexadecimal digits>',
      });
    },
  };
}

function badVersion(name: string, version: string, expected: string): InvalidInput {
  return new InvalidInput(`"${name.slice(0, 100)}@${version.slice(0, 50)}" is not a version`, { expected });
}

async function unknownName(kind: string, name: string, list: Promise<readonly string[]>): Promise<NotFound> {
  const known = await list;
  const nearest = nearestName(name, known);
  return new NotFound(`there is no ${kind} "${name}"`, {
    expected: `a digest, or the name of a ${kind}: ${known.slice(0, 20).join(', ') || 'there are none yet'}`,
    ...(nearest !== undefined && { hint: `did you mean ${nearest}?` }),
  });
}
