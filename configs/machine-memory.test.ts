import { describe, expect, test } from 'vitest';
import { readMachineMemory } from './machine-memory.ts';

const GB = 2 ** 30;
const MEMINFO = 'MemTotal: 33554432 kB\nMemFree: 100 kB\nMemAvailable:   20971520 kB\nSwapFree:  1048576 kB\n';

const read = (files: Readonly<Record<string, string>>) =>
  readMachineMemory(path => ({ '/proc/meminfo': MEMINFO, ...files })[path], 32 * GB);

describe('the memory of this process', () => {
  test('is that of the machine without control groups; what is available and swap are free', () => {
    expect(read({})).toEqual({ limit: 32 * GB, free: 21 * GB, kills: 0 });
    expect(readMachineMemory(() => undefined, 8 * GB)).toEqual({ limit: 8 * GB, kills: 0 });
  });

  test('is the smallest limit of nested groups of version 2; cached files are free', () => {
    const files = {
      '/proc/self/cgroup': '0::/user.slice/easel.scope\n',
      '/sys/fs/cgroup/user.slice/easel.scope/memory.max': 'max\n',
      '/sys/fs/cgroup/user.slice/memory.max': `${3 * GB}\n`,
      '/sys/fs/cgroup/user.slice/memory.current': `${2 * GB}\n`,
      '/sys/fs/cgroup/user.slice/memory.stat': `anon 5\ninactive_file ${GB}\nactive_file 7\n`,
      '/sys/fs/cgroup/user.slice/memory.events': 'low 0\noom 5\noom_kill 4\n',
      '/sys/fs/cgroup/memory.max': `${16 * GB}\n`,
    };
    expect(read(files)).toEqual({ limit: 3 * GB, free: 2 * GB, kills: 4 });
  });

  test('is the limit of the container, whose group is the outermost that can be seen', () => {
    const files = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': `${2 * GB}\n` };
    expect(read(files)).toMatchObject({ limit: 2 * GB, free: 2 * GB });
  });

  test('is the smallest limit of groups of version 1, where the largest number means none', () => {
    const files = {
      '/proc/self/cgroup': '9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n',
      '/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': `${4 * GB}\n`,
      '/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes': `${5 * GB}\n`,
      '/sys/fs/cgroup/memory/docker/abc/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    };
    expect(read(files)).toEqual({ limit: 4 * GB, free: 0, kills: 2 });
  });

  test('counts the kills of the machine, too', () => {
    expect(read({ '/proc/vmstat': 'pgfault 7\noom_kill 3\n' }).kills).toBe(3);
  });

  test('is told by this system', () => {
    expect(readMachineMemory().limit).toBeGreaterThan(2 ** 28);
  });
});
