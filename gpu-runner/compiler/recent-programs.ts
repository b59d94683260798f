import type { Executable } from './engine.ts';

/** Keeps the compiled programs that were used last, and disposes of the others. Calls follow one another. */
export class RecentPrograms<T extends { readonly executable: Executable }> {
  readonly #most: number;
  /** The least recently used first. */
  readonly #programs = new Map<string, T>();

  /** @param most Programs that are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The program of that key, compiled unless it is kept. The least recently used one goes if there are too many. */
  async open(key: string, compile: () => Promise<T>): Promise<T> {
    const program = this.#programs.get(key) ?? (await compile());
    this.#programs.delete(key);
    this.#programs.set(key, program);
    const [[oldest, unused] = [key, program]] = this.#programs;
    if (this.#programs.size > this.#most) {
      this.#programs.delete(oldest);
      await unused.executable.dispose();
    }
    return program;
  }

  async dispose(): Promise<void> {
    for (const { executable } of this.#programs.values()) await executable.dispose();
    this.#programs.clear();
  }
}
