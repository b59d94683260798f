import type { DownloadSystem } from './download.ts';

/** Where weights are fetched from. */
export interface HubAccess {
  /** Address of Hugging Face or of a mirror, without a slash at the end. */
  readonly endpoint: string;
  /** Of the account that fetches gated models. */
  readonly token?: string | undefined;
  /** Holds downloads until they are stored. */
  readonly cacheFolder: string;
  readonly system?: DownloadSystem;
}
