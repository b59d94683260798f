/** @file Memory that the threads of a gpu-runner share, since the main thread blocks: abort flags and a heartbeat. */

const HEARTBEAT_BYTES = 8;

/** One Int32 per slot, so that a flag is one atomic load between two optimizer steps. */
export interface SharedFlags {
  readonly buffer: SharedArrayBuffer;
  readonly slots: number;
  abort(slot: number): void;
  isAborted(slot: number): boolean;
  /** For the slot's next job. */
  clear(slot: number): void;
  /** The main thread calls it at every turn. */
  beat(): void;
  heartbeatAgeMs(): number;
}

export function createSharedFlags(slots: number): SharedFlags {
  const flags = openSharedFlags(new SharedArrayBuffer(HEARTBEAT_BYTES + slots * Int32Array.BYTES_PER_ELEMENT));
  flags.beat();
  return flags;
}

export function openSharedFlags(buffer: SharedArrayBuffer): SharedFlags {
  const heartbeat = new BigInt64Array(buffer, 0, 1);
  const aborted = new Int32Array(buffer, HEARTBEAT_BYTES);
  return {
    buffer,
    slots: aborted.length,
    abort: slot => void Atomics.store(aborted, slot, 1),
    isAborted: slot => Atomics.load(aborted, slot) === 1,
    clear: slot => void Atomics.store(aborted, slot, 0),
    // All threads share the monotonic clock of hrtime; performance.now() has a start of its own in each thread.
    beat: () => void Atomics.store(heartbeat, 0, process.hrtime.bigint()),
    heartbeatAgeMs: () => Number(process.hrtime.bigint() - Atomics.load(heartbeat, 0)) / 1e6,
  };
}
