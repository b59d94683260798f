/**
 * @file The memory that this process may have: of the machine, and of the control groups (cgroups, versions 1 and 2)
 * around the process, of which the smallest limit counts. A process that takes more is killed.
 */
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';

export interface MachineMemory {
  /** Bytes that this process may have at most. */
  readonly limit: number;
  /** Bytes that it could take now; undefined where the system does not tell. */
  readonly free?: number;
  /** Grows whenever a process around this one is killed because memory ran out. */
  readonly kills: number;
}

/** Reads a file of the system; undefined if it cannot be read. */
export type ReadSystemFile = (path: string) => string | undefined;

const CGROUPS = '/sys/fs/cgroup';

export function readMachineMemory(read: ReadSystemFile = readText, machine = totalmem()): MachineMemory {
  const groups = listGroups(read('/proc/self/cgroup') ?? '').flatMap(group => readGroup(group, read) ?? []);
  const available = readAvailable(read('/proc/meminfo') ?? '');
  const free = available === undefined ? [] : [available, ...groups.map(group => group.limit - group.used)];
  const ofMachine = readCount(read('/proc/vmstat') ?? '', 'oom_kill') ?? 0;
  return {
    limit: Math.min(machine, ...groups.map(({ limit }) => limit)),
    ...(free.length > 0 && { free: Math.max(0, Math.min(...free)) }),
    kills: groups.reduce((sum, { kills }) => sum + kills, ofMachine),
  };
}

/** The files of one version of control groups. */
interface GroupFiles {
  readonly limit: string;
  readonly usage: string;
  /** Key in `memory.stat` of cached files, which the system gives back by itself. */
  readonly cached: string;
  readonly kills: string;
}

const VERSION_1: GroupFiles = {
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  cached: 'total_inactive_file',
  kills: 'memory.oom_control',
};
const VERSION_2: GroupFiles = {
  limit: 'memory.max',
  usage: 'memory.current',
  cached: 'inactive_file',
  kills: 'memory.events',
};

interface Group {
  readonly folder: string;
  readonly files: GroupFiles;
}

/**
 * The control groups around the process, from the inside out, by the lines of /proc/self/cgroup: `0::/a/b` for version
 * 2, `4:memory:/a/b` for version 1. In a container, the folder of the outermost group is that of the container.
 */
function listGroups(text: string): Group[] {
  return text.split('\n').flatMap(line => {
    const [, id, controllers = '', path = '/'] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    if (id === undefined) return [];
    const isMemory = controllers.split(',').includes('memory');
    if (!isMemory && id !== '0') return [];
    const [root, files] = isMemory ? [join(CGROUPS, 'memory'), VERSION_1] : [CGROUPS, VERSION_2];
    const parts = path.split('/').filter(part => part !== '' && part !== '..');
    return Array.from({ length: parts.length + 1 }, (_, up) => ({
      folder: join(root, ...parts.slice(0, parts.length - up)),
      files,
    }));
  });
}

/** Undefined for a group without a limit, or one that cannot be seen. */
function readGroup({ folder, files }: Group, read: ReadSystemFile) {
  const readFile = (name: string) => read(join(folder, name)) ?? '';
  const limit = Number.parseInt(readFile(files.limit), 10);
  // Version 1 writes the largest number of pages for "no limit".
  if (!Number.isFinite(limit) || limit > Number.MAX_SAFE_INTEGER) return undefined;
  const usage = Number.parseInt(readFile(files.usage), 10) || 0;
  const cached = readCount(readFile('memory.stat'), files.cached) ?? 0;
  return { limit, used: usage - Math.min(usage, cached), kills: readCount(readFile(files.kills), 'oom_kill') ?? 0 };
}

/** What can be taken without harm to other processes, and what can be swapped out. */
function readAvailable(meminfo: string): number | undefined {
  const kibibytes = (key: string) => {
    const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  const available = kibibytes('MemAvailable');
  return available === undefined ? undefined : available + (kibibytes('SwapFree') ?? 0);
}

/** The number behind a key, as in `oom_kill 3`. */
function readCount(text: string, key: string): number | undefined {
  const found = new RegExp(`^${key} (\\d+)$`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
