/**
 * @file The image encoder `dwpose`: the 133 joints of the largest person of a picture (DWPose, arXiv 2307.15880). It
 * runs in the gpu-runner (gpu-runner/encoders/dwpose.ts). Its weights are two ONNX files.
 */
import { z } from 'zod';
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { probability } from '../../configs/signals.ts';
import type { Noted, NotedItem } from '../notes/notes.ts';
import { defineEncoder } from './encoder.ts';

export const dwposeEncoder = defineEncoder({
  name: 'dwpose',
  version: 1,
  reads: 'image',
  options: z.strictObject({
    joint_score: probability.default(0.3).describe('joints that are less sure are left out'),
    person_score: probability.default(0.3).describe('persons that are less sure are not looked at'),
  }),
  makes: { pose: options => ({ joints: WHOLEBODY_JOINTS.length, ...options }) },
  optionsOf: ({ pose }) => ({ joint_score: pose?.joint_score, person_score: pose?.person_score }),
  weights: ['detector', 'pose'],
  runs: 'runner',
  noteFacts(items, facts): Noted[] {
    const missing: NotedItem[] = [];
    const several: NotedItem[] = [];
    for (const { id, name } of items) {
      const persons = facts[id]?.persons;
      if (persons === 0) missing.push({ id, name, amount: 0, text: 'no person' });
      if (persons !== undefined && persons > 1) several.push({ id, name, amount: persons, text: `${persons} persons` });
    }
    return [
      { code: 'pose_missing', items: missing },
      { code: 'pose_several', items: several },
    ];
  },
});
