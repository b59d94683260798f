/** @file What /proc/cpuinfo says: the name of a virtual CPU is often that of a whole family. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { arch, cpus } from 'node:os';

/** The file; empty where there is none. */
export function readCpuInfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** Value of the first line with that key. */
export function cpuField(key: string, cpuinfo: string): string {
  return new RegExp(`^${key}\\s*:(.*)$`, 'm').exec(cpuinfo)?.[1]?.trim() ?? '';
}

/** A short name of the kind of CPU, by its name, family, model and flags: other kinds may be best served otherwise. */
export function identifyCpu(cpuinfo = readCpuInfo()): string {
  const fields = ['vendor_id', 'cpu family', 'model', 'flags', 'Features'].map(key => cpuField(key, cpuinfo));
  const name = cpus()[0]?.model ?? 'CPU';
  const digest = createHash('sha256').update(JSON.stringify([arch(), name, fields]));
  return `${name} ${digest.digest('hex').slice(0, 12)}`;
}
