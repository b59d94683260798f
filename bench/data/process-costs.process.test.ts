import { expect, test } from 'vitest';
import { readCosts } from './process-costs.ts';

test.skipIf(process.platform !== 'linux')('the costs of a process are those that Node tells of itself', async () => {
  const { rss } = process.memoryUsage();
  const { processorMs, peakBytes } = await readCosts(process.pid);
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const own = (userCPUTime + systemCPUTime) / 1000;
  expect(processorMs).toBeGreaterThan(own / 2);
  expect(processorMs).toBeLessThan(own + 50);
  expect(peakBytes).toBeGreaterThan(0.9 * rss);
  // It also has the peak of the process that started this one, until the program was loaded.
  expect(peakBytes).toBeLessThan(1.1 * 1024 * maxRSS);
});
