/**
 * @file Previews of a training: says at the start which previews come, and draws each as a row of a picture at once.
 */
import { z } from 'zod';
import { joinWords } from '../../configs/join-words.ts';
import { formatCount } from '../../configs/quantity.ts';
import { type ExperimentAnswer, previewsAnswer } from './answers.ts';
import { drawRows, rowsPath } from './draw-grid.ts';
import { BATCH, type DemoPlan } from './options.ts';
import type { Terminal } from './terminal.ts';
import type { ToldApi } from './told-api.ts';

export interface PreviewWatch {
  /** Draws the previews so far and says what comes. */
  begin(): Promise<void>;
  /** The run has reached this step. Beyond a border its previews are there or about to be. */
  look(step: number): void;
  /** Waits for the last look, and takes another. */
  finish(): Promise<void>;
}

const configAnswer = z.looseObject({
  effective_config: z.looseObject({
    run: z.looseObject({ preview: z.looseObject({ prompts: z.array(z.string()) }) }),
  }),
});

/** @param describeFolder Says where a path of the store is. */
export function watchPreviews(
  api: ToldApi,
  terminal: Terminal,
  plan: DemoPlan,
  { step }: ExperimentAnswer,
  describeFolder: (path: string) => string,
): PreviewWatch {
  const path = `/experiments/${plan.experiment}`;
  const expected = listPreviewSteps(plan);
  let seen = step;
  let border = step;
  let drawn = 0;
  let looking = Promise.resolve();

  async function look(): Promise<void> {
    const get = drawn > 0 ? api.untold.get : api.get;
    const { previews } = await get(`${path}/previews`, previewsAnswer, 'and again at every preview');
    if (previews.length > drawn) await drawRows(api, plan, previews, drawn === 0);
    drawn = previews.length;
    for (const [row, preview] of previews.entries()) {
      if (preview.step <= seen) continue;
      seen = preview.step;
      const folder = describeFolder(`${path.slice(1)}/previews/step${String(seen).padStart(7, '0')}`);
      terminal.line(`preview at ${formatSamples(seen)} samples: row ${row + 1} of ${expected.length}, ${folder}`);
    }
  }

  async function tellWhatComes(): Promise<void> {
    const { effective_config } = await api.untold.get(path, configAnswer);
    const { prompts } = effective_config.run.preview;
    terminal.line(
      `While it trains, it draws the same ${prompts.length} prompts from the same noise, after\n` +
        `${joinWords(expected.map(formatSamples))} samples.\n` +
        `Each time adds a row to ${rowsPath(plan)} at once: open it now and then.\n` +
        `First there are clouds of colour, after about ${formatCount(plan.set.samplesToShow)} samples ${plan.set.noun}.`,
    );
  }

  return {
    async begin() {
      if (step > 0) await look();
      if (step < (expected.at(-1) ?? 0)) await tellWhatComes();
    },
    look(step) {
      // A step beyond a border: the chunk before is done, previews and all.
      const passed = Math.floor((step - 1) / plan.chunkSteps) * plan.chunkSteps;
      if (passed <= border) return;
      border = passed;
      // One at a time; what one misses the next one finds.
      looking = looking.then(look).catch(() => {});
    },
    async finish() {
      await looking;
      await look();
    },
  };
}

/** Optimizer steps after which there is a preview: the start, the chunk borders, the end. */
function listPreviewSteps({ samples, startSamples, chunkSteps }: DemoPlan): number[] {
  const last = Math.ceil(samples / BATCH);
  const borders = Array.from({ length: Math.floor(last / chunkSteps) }, (_, i) => (i + 1) * chunkSteps);
  return [...new Set([startSamples / BATCH, ...borders, last])].sort((a, b) => a - b);
}

function formatSamples(step: number): string {
  return formatCount(step * BATCH);
}
