/**
 * @file Energy that the processors of this machine take, by the counters of RAPL, and that the cards take, by their
 * power. Other programs on the machine count, too. The numbers decide no bit of a training.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Linux shows RAPL of Intel and AMD here. */
const POWERCAP = '/sys/class/powercap';
/** A socket, without its parts, which its counter has already. */
const SOCKET = /^intel-rapl:\d+$/;
const MICROJOULES_PER_KWH = 3.6e12;
const JOULES_PER_KWH = 3.6e6;
/** Between two readings of the power of the cards: each starts a program. */
const CARD_INTERVAL_MS = 10_000;

export interface EnergyOptions {
  /** Folder of the counters. */
  readonly root?: string;
  /** Watts that the cards of the engine take now; absent: it has none, or does not know. */
  readonly readWatts?: (() => Promise<number | undefined>) | undefined;
  /** Milliseconds of a clock that only moves forward. */
  readonly now?: () => number;
}

/** Kilowatt-hours since a meter was opened; a part that cannot be read is absent. */
export interface Energy {
  readonly processorKwh?: number;
  readonly cardKwh?: number;
}

interface Socket {
  readonly counter: string;
  /** Microjoules after which the counter begins again at 0. */
  readonly range: number;
  last: number;
}

export class EnergyMeter {
  /** Why the counters of the processors cannot be read; undefined: they can, or there are none. */
  readonly unreadable: string | undefined;
  readonly #sockets: readonly Socket[];
  readonly #options: EnergyOptions;
  readonly #now: () => number;
  #microjoules = 0;
  #joules: number | undefined;
  #seenAt: number;
  #seenWatts: number | undefined;
  #reading: Promise<void> | undefined;

  constructor(options: EnergyOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#seenAt = this.#now();
    const found = openSockets(options.root ?? POWERCAP);
    this.#sockets = typeof found === 'string' ? [] : found;
    this.unreadable = typeof found === 'string' ? found : undefined;
    if (options.readWatts) this.#reading = this.#readCards();
  }

  /**
   * Reads the counters. Call it more often than a counter goes round: at 300 W this takes some minutes. The power of
   * the cards is read beside the work, every 10 seconds.
   */
  sample(): void {
    for (const socket of this.#sockets) this.#microjoules += advance(socket);
    if (this.#options.readWatts && this.#reading === undefined && this.#now() - this.#seenAt >= CARD_INTERVAL_MS) {
      this.#reading = this.#readCards();
    }
  }

  /** Ends with a last reading. */
  async read(): Promise<Energy> {
    this.sample();
    await this.#reading;
    if (this.#options.readWatts) await this.#readCards();
    return {
      ...(this.#sockets.length > 0 && { processorKwh: this.#microjoules / MICROJOULES_PER_KWH }),
      ...(this.#joules !== undefined && { cardKwh: this.#joules / JOULES_PER_KWH }),
    };
  }

  /** Between two readings the power is their mean. */
  async #readCards(): Promise<void> {
    const watts = await this.#options.readWatts?.().catch(() => undefined);
    const now = this.#now();
    if (watts !== undefined && this.#seenWatts !== undefined) {
      this.#joules = (this.#joules ?? 0) + ((watts + this.#seenWatts) / 2) * ((now - this.#seenAt) / 1000);
    }
    this.#seenAt = now;
    this.#seenWatts = watts;
    this.#reading = undefined;
  }
}

/** Microjoules since the last reading. */
function advance(socket: Socket): number {
  let now: number;
  try {
    now = readCounter(socket.counter);
  } catch {
    return Number.NaN;
  }
  const more = now >= socket.last ? now - socket.last : now + socket.range - socket.last;
  socket.last = now;
  return more;
}

/** None where the machine has none; a text says why those that are there cannot be read. */
function openSockets(root: string): Socket[] | string {
  let names: string[];
  try {
    names = readdirSync(root).filter(name => SOCKET.test(name));
  } catch {
    return [];
  }
  try {
    // Another zone, psys, counts the whole machine, with its sockets.
    const sockets = names.filter(name => readText(join(root, name, 'name')).startsWith('package'));
    return sockets.map(name => {
      const counter = join(root, name, 'energy_uj');
      return { counter, range: readCounter(join(root, name, 'max_energy_range_uj')), last: readCounter(counter) };
    });
  } catch (error) {
    return `the counters of energy in ${root} cannot be read: ${error instanceof Error ? error.message : error}`;
  }
}

function readText(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

function readCounter(path: string): number {
  const value = Number(readText(path));
  if (Number.isFinite(value)) return value;
  throw new Error(`${path} has no number`);
}
