/** @file Pictures of a bundled set drawn, cut and encoded: one call, cached page by page. */
import { installSet } from '../../cli/install-set.ts';
import { cacheFolderOf } from '../../configs/cache-folder.ts';
import { formatCount } from '../../configs/quantity.ts';
import { SET_PACKAGES } from '../../configs/set-packages.ts';
import { prepareAnswer } from './answers.ts';
import type { DemoPlan } from './options.ts';
import type { Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';

/** @returns Whether there was nothing to do. */
export async function prepareSet(api: ToldApi, terminal: Terminal, plan: DemoPlan): Promise<boolean> {
  const { set, dataset, pictures, size, patch, text, engine, isVaried } = plan;
  const pinned = SET_PACKAGES.find(({ name }) => name === set.name);
  if (pinned) await installSet(pinned, api.untold, { cacheFolder: cacheFolderOf(process.env), log: terminal.line });
  const encoder = text === undefined ? {} : { text_encoder: text, ...(engine !== undefined && { engine }) };
  const drawn = { source: set.name, count: pictures, size, ...(isVaried && { wording: 'varied' }) };
  const body = { dataset, ...drawn, quantum: patch, stride: patch, ...encoder };
  const { result } = await api.run('/functions/prepare', body, terminal.progress);
  terminal.endProgress();
  const { stages, counts } = prepareAnswer.parse(result);
  const pages = Object.values(stages).map(stage => stage.pages);
  const computed = pages.reduce((sum, { computed }) => sum + computed, 0);
  const cached = pages.reduce((sum, { cached }) => sum + cached, 0);
  const splits = ['train', 'val', 'test'].map(split => `${formatCount(counts[split] ?? 0)} ${split}`).join(', ');
  terminal.line(`${formatCount(counts.pictures ?? 0)} ${set.noun} of ${size} px: ${splits}`);
  terminal.line(
    `in pages of at most 64, each through ${pages.length} stages: ${computed} pages computed, ${cached} from the cache`,
  );
  return computed === 0;
}
