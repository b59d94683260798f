/** @file A DWPose that finds the poses of a dataset in its pictures, and nobody in other pictures. */
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { memberName } from '../../configs/signals.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { EncodeJob } from '../../gpu-runner/protocol.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { putModel } from '../operations/put-model.ts';
import { putToyDataset, type TrainingLab } from './training.ts';

const JOINTS = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip'];

export type PoseWeights = Record<'detector' | 'pose', Digest[]>;

/** The pose of the picture at a place of the dataset: a body whose right side is elsewhere in each. */
function poseOf(place: number): Float32Array {
  const pose = new Float32Array(3 * WHOLEBODY_JOINTS.length);
  for (const [i, name] of JOINTS.entries()) {
    const x = i % 2 === 0 ? -0.8 : 0.2 * place - 0.4;
    pose.set([x, i < 2 ? -0.5 : 0.5, 0.9], 3 * WHOLEBODY_JOINTS.indexOf(name));
  }
  return pose;
}

const member = (id: string, data: Float32Array) =>
  encodeSignalMember('pose', id, { shape: [WHOLEBODY_JOINTS.length, 3], data });

/**
 * Six toy pictures with poses, two of them held out. From now on the gpu-runner finds these poses in them.
 * @param encoders Of the dataset, besides those of toy pictures.
 * @param jobs Gets the jobs of encoders.
 */
export async function putPosed({ blobs, runner }: TrainingLab, encoders: object, jobs: EncodeJob[]): Promise<Digest> {
  const toy = await readDataset(blobs, await putToyDataset(blobs, { count: 6, heldOut: 2 }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const pictures = [...readColumn(await blobs.get(page.columns.image ?? digestOf('none')))];
  const ids = pictures.map(([name]) => name.slice(0, -memberName('image', '').length));
  const poses = packColumn(new Map(ids.map((id, i) => member(id, poseOf(i)))));
  const columns = { ...page.columns, pose: (await blobs.put(poses, 'application/x-tar')).digest };
  const document = { ...toy, pages: [{ ...page, columns }], encoders: { ...toy.encoders, ...encoders } };
  const { digest } = await putDocument(blobs, { ...document, links: [...toy.links, columns.pose] });
  const places = new Map(pictures.map(([, body], i) => [digestOf(body), i]));
  const { run } = runner;
  runner.run = async (action, job, options) => {
    if (job.kind !== 'encode') return run(action, job, options);
    jobs.push(job);
    const found = [...readColumn(await blobs.get(job.column))].map(([name, body]) => {
      const place = places.get(digestOf(body));
      const pose = place === undefined ? new Float32Array(3 * WHOLEBODY_JOINTS.length) : poseOf(place);
      return member(name.slice(0, -memberName('image', '').length), pose);
    });
    return { outputs: { pose: await blobs.put(packColumn(new Map(found))) }, links: [], stats: {} };
  };
  return digest;
}

export async function putPoseWeights({ blobs }: TrainingLab): Promise<PoseWeights> {
  const put = async (text: string) => [(await blobs.put(Buffer.from(text), 'x/y')).digest];
  return { detector: await put('detector'), pose: await put('pose') };
}

export async function installPose(lab: TrainingLab, weights: PoseWeights): Promise<void> {
  const license = { name: 'Apache-2.0', read_in: 'a letter' };
  await putModel(lab, 'dwpose', { v: 1, weights, source: 'a test', license });
}
