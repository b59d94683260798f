/** @file The two ways in which the store, requests and configs name things. Each reader has its own message. */

/** A digest: of a blob, an action or a document. */
export const DIGEST_PATTERN = /^sha256:[0-9a-f]{64}$/;

/** Characters of a name. */
export const LONGEST_NAME = 63;
/** The name of a dataset, an experiment or a model: safe in a URL, a key and a file name. */
export const NAME_PATTERN = new RegExp(`^[a-z0-9][a-z0-9._-]{0,${LONGEST_NAME - 1}}$`);

/** Checkpoints of an experiment that have a name beside their step: `NAME@best`. What they mean changes. */
export const CHECKPOINT_WORDS = ['latest', 'best', 'clean'] as const;
export type CheckpointWord = (typeof CHECKPOINT_WORDS)[number];
