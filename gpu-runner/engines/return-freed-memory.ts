/** @file Makes the C library of Linux (glibc) return the memory of large blocks when they are freed. */
import koffi from './koffi.ts';

/** M_MMAP_THRESHOLD of malloc.h. */
const MMAP_THRESHOLD = -3;
/** Bytes from which a block has a mapping of its own: glibc's initial value. */
const LEAST_MAPPED_BYTES = 128 * 1024;

let isDone = false;

/**
 * Blocks of 128 KiB and more get mappings of their own, in the whole process. glibc does so at first, but each free of
 * such a block raises its limit, up to 32 MiB. Then large blocks lie in a heap, between small ones that stay, and their
 * memory does not return to the system. Does nothing on other systems, or if the environment sets the limit
 * (MALLOC_MMAP_THRESHOLD_).
 */
export function returnFreedMemory(env: Readonly<Record<string, string | undefined>> = process.env): void {
  if (isDone || process.platform !== 'linux' || env.MALLOC_MMAP_THRESHOLD_ !== undefined) return;
  isDone = true;
  try {
    koffi.load('libc.so.6').func('mallopt', 'int', ['int', 'int'])(MMAP_THRESHOLD, LEAST_MAPPED_BYTES);
  } catch {
    // A C library without mallopt, such as musl, needs no such setting.
  }
}
