/** @file What the NVIDIA driver says about itself and its cards, without loading CUDA. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

export interface NvidiaCard {
  readonly name: string;
  /** Such as "580.65.06". */
  readonly driver: string;
  /** Compute capability, such as "8.9". */
  readonly capability: string;
  readonly memoryBytes: number;
  /** A screen shows its pictures, so other programs need its memory, too. */
  readonly hasDisplay: boolean;
}

/** The program that comes with the driver. WSL2 has it outside of the PATH. */
const PROGRAMS = ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
const FIELDS = ['name', 'driver_version', 'compute_cap', 'memory.total', 'display_active'];
const TIMEOUT_MS = 10_000;
const MIB = 2 ** 20;
const VERSION_FILE = '/proc/driver/nvidia/version';

/** CUDA and nvidia-smi number cards differently by default. */
export const CARD_ORDER = { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' } as const;

/** All cards in the order of the bus; empty if there is no driver, or it does not answer. */
export async function listCards(): Promise<readonly NvidiaCard[]> {
  return parseCards((await askDriver(FIELDS)) ?? '');
}

/** Watts that the card takes which CUDA calls the first; undefined if the driver does not tell it. */
export async function readCardWatts(visible: string | undefined): Promise<number | undefined> {
  return parseWatts((await askDriver(['power.draw'])) ?? '', visible);
}

/** What nvidia-smi tells of all cards, a line for each; undefined if there is no driver, or it does not answer. */
async function askDriver(fields: readonly string[]): Promise<string | undefined> {
  for (const program of PROGRAMS) {
    try {
      const args = [`--query-gpu=${fields.join()}`, '--format=csv,noheader,nounits'];
      return (await promisify(execFile)(program, args, { timeout: TIMEOUT_MS })).stdout;
    } catch {
      // The next place may have the program.
    }
  }
  return undefined;
}

/** @param text One line per card; a card that does not tell its power says `[N/A]`. */
export function parseWatts(text: string, visible: string | undefined): number | undefined {
  const watts = Number.parseFloat(firstCard(text.trim().split('\n'), visible) ?? '');
  return Number.isFinite(watts) ? watts : undefined;
}

/** @param text One line per card, fields in the order of {@link FIELDS}. */
export function parseCards(text: string): NvidiaCard[] {
  return text.split('\n').flatMap(line => {
    const [name = '', driver, capability, memory, display] = line.split(',').map(field => field.trim());
    if (driver === undefined || capability === undefined) return [];
    return [
      {
        name,
        driver,
        capability,
        memoryBytes: (Number(memory) || 0) * MIB,
        hasDisplay: display !== 'Disabled',
      },
    ];
  });
}

/**
 * The card that CUDA calls the first. @param visible CUDA_VISIBLE_DEVICES: numbers in the order of the bus; names of
 * cards, which begin with "GPU-", are not looked up.
 */
export function firstCard<T>(cards: readonly T[], visible: string | undefined): T | undefined {
  const [first = ''] = (visible ?? '').split(',');
  return cards[/^\d+$/.test(first) ? Number(first) : 0];
}

/** Version of the loaded driver; undefined if none is loaded. */
export function readDriverVersion(): string | undefined {
  if (!existsSync(VERSION_FILE)) return undefined;
  return parseDriverVersion(readFileSync(VERSION_FILE, 'utf8'));
}

/** @param text Contents of /proc/driver/nvidia/version. */
export function parseDriverVersion(text: string): string | undefined {
  return /^NVRM version:.*?\s(\d+(?:\.\d+)+)\s/m.exec(text)?.[1];
}
