/** @file Shows the progress events of a call: a bar with ETA on a terminal, a line every few seconds elsewhere. */
import { MultiBar, type SingleBar } from 'cli-progress';
import type { ProgressEvent } from '../configs/progress.ts';
import { createEta, formatDuration, formatNumber } from './eta.ts';

const LINE_MS = 5000;
const BAR_FORMAT = '{phase} [{bar}] {value}/{total}{unit}  {metrics}{eta_text}';
const PHASE_WIDTH = 14;
/** Bars are cut at the terminal's edge (DECAWM off); lines of text must not be. */
const WRAP_ON = '\x1b[?7h';
const WRAP_OFF = '\x1b[?7l';
/** Erases the rest of a bar that a line of text is written over. */
const ERASE_REST = '\x1b[K';

export interface ProgressView {
  update(event: ProgressEvent): void;
  /** Prints a line above the bars. */
  log(line: string): void;
  /** Leaves the bars as they are; a further update starts new ones. */
  stop(): void;
}

/** `stream` is usually stderr, so that results on stdout stay clean. */
export function createProgressView(
  stream: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): ProgressView {
  return stream.isTTY ? createBars(stream, now) : createLines(stream, now);
}

function createBars(stream: NodeJS.WriteStream, now: () => number): ProgressView {
  const eta = createEta(now);
  let bars: MultiBar | undefined;
  let byPhase = new Map<string, SingleBar>();

  const open = () => {
    // A logged line may have taken the place of a bar, so even an unchanged bar is drawn again.
    const forceRedraw = true;
    bars ??= new MultiBar({
      stream,
      format: BAR_FORMAT,
      hideCursor: true,
      barsize: 24,
      emptyOnZero: true,
      forceRedraw,
    });
    return bars;
  };

  return {
    update(event) {
      const { phase, done, total } = event;
      if (event.message !== undefined) this.log(`${phase}: ${event.message}`);
      if (done === undefined || total === undefined) return;
      const left = eta.update(phase, done, total);
      const payload = {
        phase: phase.padEnd(PHASE_WIDTH),
        unit: event.unit === undefined ? '' : ` ${event.unit}`,
        metrics: describeMetrics(event),
        eta_text: left === undefined || left === 0 ? '' : `ETA ${formatDuration(left)}`,
      };
      let bar = byPhase.get(phase);
      if (bar === undefined) {
        bar = open().create(total, done, payload);
        byPhase.set(phase, bar);
      }
      bar.setTotal(total);
      bar.update(done, payload);
    },
    log(line) {
      // MultiBar.log keeps the bars at the bottom; it needs the newline.
      if (bars === undefined) stream.write(`${line}\n`);
      else for (const each of line.split('\n')) bars.log(`${WRAP_ON}${each}${ERASE_REST}${WRAP_OFF}\n`);
    },
    stop() {
      // Prints lines logged since the last update; stop alone would drop them.
      bars?.update();
      bars?.stop();
      bars = undefined;
      byPhase = new Map();
    },
  };
}

function createLines(stream: NodeJS.WriteStream, now: () => number): ProgressView {
  const eta = createEta(now);
  let phase: string | undefined;
  let printedAt = Number.NEGATIVE_INFINITY;
  return {
    update(event) {
      const { done, total } = event;
      const left = done === undefined || total === undefined ? undefined : eta.update(event.phase, done, total);
      const due = event.phase !== phase || event.message !== undefined || now() - printedAt >= LINE_MS;
      phase = event.phase;
      if (!due && (done === undefined || done !== total)) return;
      printedAt = now();
      const count = done === undefined ? '' : ` ${done}${total === undefined ? '' : `/${total}`}`;
      const unit = event.unit === undefined || done === undefined ? '' : ` ${event.unit}`;
      const rest = [
        describeMetrics(event).trim(),
        left === undefined || left === 0 ? '' : `ETA ${formatDuration(left)}`,
        event.message ?? '',
      ].filter(part => part !== '');
      stream.write(`${event.phase}${count}${unit}${rest.length === 0 ? '' : `  ${rest.join('  ')}`}\n`);
    },
    log: line => void stream.write(`${line}\n`),
    stop() {
      phase = undefined;
    },
  };
}

/** `loss 0.1234  samples/s 160.2  ` */
function describeMetrics(event: ProgressEvent): string {
  return Object.entries(event.metrics ?? {})
    .map(([name, value]) => `${name.replace(/_per_second$/, '/s')} ${formatNumber(value)}  `)
    .join('');
}
