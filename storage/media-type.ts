/** @file The media type of an object that was put without a media type. */

export const DEFAULT_MEDIA_TYPE = 'application/octet-stream';

const BY_SUFFIX: Readonly<Record<string, string>> = {
  html: 'text/html',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  jsonl: 'application/jsonl',
  md: 'text/markdown',
  npy: 'application/x-npy',
  png: 'image/png',
  safetensors: 'application/x-safetensors',
  tar: 'application/x-tar',
  txt: 'text/plain',
  webp: 'image/webp',
  yaml: 'application/yaml',
};

/** By the suffix of the key; application/octet-stream for an unknown suffix. */
export function mediaTypeOfKey(key: string): string {
  const suffix = /\.([a-z]+)$/.exec(key)?.[1] ?? '';
  return Object.hasOwn(BY_SUFFIX, suffix) ? (BY_SUFFIX[suffix] ?? DEFAULT_MEDIA_TYPE) : DEFAULT_MEDIA_TYPE;
}
