/** Whether a multiple of `every` lies in (before, step]; 0: never. */
export function isDueEvery(every: number, before: number, step: number): boolean {
  return every > 0 && Math.floor(step / every) > Math.floor(before / every);
}
