/** @file Fields of /proc/cpuinfo. The name of a virtual CPU alone often fits a whole family of CPUs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';

/** Contents of /proc/cpuinfo; empty if the file does not exist. */
export function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** Value of the first line with this key; empty if no line has it. */
export function cpuField(key: string, cpuinfo: string): string {
  return new RegExp(`^${key}\\s*:(.*)$`, 'm').exec(cpuinfo)?.[1]?.trim() ?? '';
}

/**
 * A short name of the kind of CPU, from its name, family, model and flags. Measurements on one kind hold only for it.
 */
export function identifyCpu(cpuinfo = readCpuInfo()): string {
  const fields = ['vendor_id', 'cpu family', 'model', 'flags', 'Features'].map(key => cpuField(key, cpuinfo));
  const name = cpus()[0]?.model ?? 'CPU';
  const digest = createHash('sha256').update(JSON.stringify([arch(), name, fields]));
  return `${name} ${digest.digest('hex').slice(0, 12)}`;
}
