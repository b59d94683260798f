import { expect, test } from 'vitest';
import { flowLossOf } from './step-log.ts';

test('the loss of flow matching is that of its own column in each row that has one', () => {
  const rows = [
    { step: 1, loss: 3 },
    { step: 2, loss: 5, flow_loss: 2 },
    { step: 3, loss: null },
    { step: 4, loss: 5, flow_loss: null },
  ];
  expect(rows.map(flowLossOf)).toEqual([3, 2, null, null]);
});
