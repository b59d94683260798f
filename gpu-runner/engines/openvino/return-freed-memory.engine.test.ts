import { expect, it } from 'vitest';
import koffi from '../koffi.ts';
import { returnFreedMemory } from './ffi.ts';

const MIB = 2 ** 20;

it.runIf(process.platform === 'linux')('large blocks get mappings of their own after larger ones were freed', () => {
  const libc = koffi.load('libc.so.6');
  const malloc = libc.func('malloc', 'void *', ['size_t']);
  const free = libc.func('free', 'void', ['void *']);
  const trim = libc.func('malloc_trim', 'int', ['size_t']);
  /** Blocks of four that begin where a mapping of their own does: 16 bytes after the start of a page. */
  const countMapped = () => {
    free(malloc(30 * MIB));
    const blocks: bigint[] = Array.from({ length: 4 }, () => malloc(24 * MIB));
    for (const block of blocks) free(block);
    trim(0);
    return blocks.filter(block => block % 4096n === 16n).length;
  };
  expect(countMapped()).toBe(0);
  returnFreedMemory({ MALLOC_MMAP_THRESHOLD_: '65536' });
  expect(countMapped()).toBe(0);
  returnFreedMemory({});
  expect(countMapped()).toBe(4);
});
