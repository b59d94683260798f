/** @file Profile of a session's runs: a file of events that ONNX Runtime writes in the format of Chrome's traces. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { Internal } from '../../../errors.ts';
import type { KindProfile } from '../../compiler/engine.ts';
import { type OperationTime, sumByKind } from '../kind-profile.ts';
import { ort } from './runtime.ts';

/** One event; times in microseconds. */
const eventSchema = z.object({
  cat: z.string(),
  name: z.string(),
  ts: z.number(),
  dur: z.number(),
  args: z.object({ op_name: z.string().optional() }).optional(),
});
type Event = z.infer<typeof eventSchema>;

const US_PER_MS = 1000;

/** A session whose runs are recorded. */
export class Recording {
  readonly session: ort.InferenceSession;
  readonly #folder: string;
  #profile: Promise<KindProfile[]> | undefined;

  private constructor(session: ort.InferenceSession, folder: string) {
    this.session = session;
    this.#folder = folder;
  }

  /** Opens a session that is recorded in a temporary folder. @throws Error if ONNX Runtime refuses the program. */
  static async open(program: Uint8Array, options: ort.InferenceSession.SessionOptions): Promise<Recording> {
    const folder = await mkdtemp(join(tmpdir(), 'easel-profile-'));
    try {
      const recorded = { ...options, enableProfiling: true, profileFilePrefix: join(folder, 'runs') };
      return new Recording(await ort.InferenceSession.create(program, recorded), folder);
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  /** Times per kind in the fastest run so far. The first call ends the recording and fixes the answer. */
  read(): Promise<KindProfile[]> {
    this.#profile ??= this.#readFile();
    return this.#profile;
  }

  async #readFile(): Promise<KindProfile[]> {
    this.session.endProfiling();
    const [name] = await readdir(this.#folder);
    if (name === undefined) throw new Internal('ONNX Runtime wrote no profile');
    const events = z.array(z.unknown()).parse(JSON.parse(await readFile(join(this.#folder, name), 'utf8')));
    return profileOf(events.flatMap(event => eventSchema.safeParse(event).data ?? []));
  }

  /** Removes the temporary folder. Call it after the session is released. */
  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}

/** @throws Internal if no run was recorded. */
function profileOf(events: readonly Event[]): KindProfile[] {
  const runs = events.filter(({ cat, name }) => cat === 'Session' && name === 'model_run');
  const [fastest] = runs.sort((a, b) => a.dur - b.dur);
  if (fastest === undefined) throw new Internal('there is no run to profile');
  const end = fastest.ts + fastest.dur;
  const nodes = events.flatMap(({ cat, name, ts, dur, args }): OperationTime[] => {
    const isKernel = cat === 'Node' && name.endsWith('_kernel_time') && ts >= fastest.ts && ts < end;
    return isKernel ? [{ kind: args?.op_name ?? name, ms: dur / US_PER_MS }] : [];
  });
  return sumByKind(nodes);
}
