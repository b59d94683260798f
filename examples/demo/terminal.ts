/** @file What the demo prints: prose, curl lines and progress bars, which share one terminal. */
import { relative, resolve } from 'node:path';
import { styleText } from 'node:util';
import { createProgressView } from '../../cli/progress.ts';
import type { ProgressEvent } from '../../configs/progress.ts';

export interface Terminal {
  heading(title: string): void;
  line(text?: string): void;
  /** What a reader may skip, or paste. */
  faint(text: string): void;
  progress(event: ProgressEvent): void;
  /** The bars stay as they are; the next progress draws new ones. */
  endProgress(): void;
}

export function createTerminal(stream: NodeJS.WriteStream = process.stdout): Terminal {
  const view = createProgressView(stream);
  const style = (format: 'bold' | 'dim', text: string) => styleText(format, text, { stream });
  return {
    heading: title => view.log(`\n${style('bold', title)}`),
    line: (text = '') => view.log(text),
    // Line by line: a style that spans lines would colour what a bar draws in between.
    faint: text =>
      view.log(
        text
          .split('\n')
          .map(line => style('dim', line))
          .join('\n'),
      ),
    progress: event => view.update(event),
    endProgress: () => view.stop(),
  };
}

/** Relative to the working directory where it lies in it. */
export function showPath(path: string): string {
  const short = relative('', path);
  return short.startsWith('..') ? resolve(path) : short;
}
