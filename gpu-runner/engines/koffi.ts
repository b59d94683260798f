/**
 * @file koffi, set up before the first library loads. The FFI file of each native library imports it from here, and no
 * other file does.
 */
import koffi from 'koffi';

/**
 * The most that koffi allows, in bytes. koffi runs calls on stacks of its own, and compilers recurse deeply: with the
 * default of 128 KiB, a compilation for CUDA in another thread crashes the process.
 */
const STACK_BYTES = 16 * 2 ** 20;

// A process may evaluate this module twice, as tests do, but koffi takes settings only until a library loads.
if (koffi.config().async_stack_size !== STACK_BYTES) {
  koffi.config({ sync_stack_size: STACK_BYTES, async_stack_size: STACK_BYTES });
}

export type { LibraryHandle } from 'koffi';
export default koffi;
