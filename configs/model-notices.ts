/** @file What the licences of the networks that made a dataset, or taught a model, say of the model. */
import { NO_CLAIM } from './model-licenses.ts';
import { licensesOf, MODEL_PACKAGES } from './model-packages.ts';
import { MODEL_SOURCES } from './model-table.ts';

/** A type, not an interface, so that it is a JSON value. */
export type ModelNotice = {
  /** The pretrained network: the name of an encoder, or of a net of a loss. */
  readonly model: string;
  readonly license: string;
  /** Whether the licence binds a network that is trained on its output. */
  readonly binds: string;
};

/** One notice for each named network that has weights of others; none for encoders that Easel brings along. */
export function listNotices(names: readonly string[]): ModelNotice[] {
  return [...new Set(names)].sort().flatMap(model => {
    const source = MODEL_SOURCES.find(({ name }) => name === model);
    if (source) return [{ model, license: source.license.name, binds: source.license.binds }];
    const pinned = MODEL_PACKAGES.find(({ name }) => name === model);
    if (pinned === undefined) return [];
    return [{ model, license: licensesOf(pinned), binds: NO_CLAIM }];
  });
}

/** As a sentence without a full stop. */
export function tellNotice({ model, license, binds }: ModelNotice): string {
  return `made with ${model}, whose licence is ${license}; whether it binds the trained network: ${binds}`;
}
