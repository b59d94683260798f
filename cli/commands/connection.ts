/** @file The argument `--url`, and the client of the server that it names. */
import { InvalidInput } from '../../errors.ts';
import { type ApiClient, createApiClient } from '../http.ts';

export const connectionArgs = {
  url: {
    type: 'string',
    description: 'address of the server (default: EASEL_URL, else port EASEL_PORT or 8787 here)',
    valueHint: 'URL',
  },
} as const;

/** Sends EASEL_TOKEN as bearer token. @throws InvalidInput if the address is not an HTTP URL. */
export function connect(args: { readonly url?: string | undefined }): ApiClient {
  const url = args.url || process.env.EASEL_URL || `http://127.0.0.1:${process.env.EASEL_PORT || 8787}`;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new InvalidInput(`"${url}" is not the address of a server`, {
      expected: 'an address such as http://127.0.0.1:8787',
    });
  }
  return createApiClient(url, process.env.EASEL_TOKEN || undefined);
}
