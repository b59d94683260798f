/** @file A soak: two servers and two runners over one store, users who train and sample, and something that kills. */
import { drawUniform, pickOne } from '../../data/random.ts';
import { openSite, type Site } from '../../test/site/open-site.ts';
import { LEASE_SECONDS, type MortalStore, makeChaos } from './chaos.ts';
import { type Answer, type Client, createClient, Refused, Unanswered } from './client.ts';
import { acknowledge, audit, createLedger, type Ledger } from './ledger.ts';
import { createMaintenance, type Maintenance } from './maintenance.ts';
import { askOracle, type Oracle } from './oracle.ts';
import { create, prepare, sample, train, type Variety } from './workload.ts';

export interface SoakStore {
  readonly url: string;
  /** What processes need to use it, beside EASEL_STORE. */
  readonly env: Readonly<Record<string, string>>;
  /** Present when it can be killed. */
  readonly mortal?: MortalStore;
}

export interface SoakOptions {
  readonly store: SoakStore;
  readonly seconds: number;
  readonly seed: number;
  readonly variety: Variety;
  /** Users at work at once. */
  readonly users: number;
  readonly log: (line: string) => void;
}

export interface SoakOutcome {
  readonly ledger: Ledger;
  readonly chaos: ReadonlyMap<string, number>;
  /** Calls with a success by kind, in milliseconds from the first attempt. */
  readonly calls: ReadonlyMap<string, readonly number[]>;
  /** Milliseconds of answers that were hits at the first attempt. */
  readonly hits: readonly number[];
  readonly attempts: number;
  /** Results that were looked at again, and blobs that were read, at the end. */
  readonly audited: { readonly results: number; readonly blobs: number };
  /** What `verify` found in the whole store at the end; undefined where there is no such function. */
  readonly verified: readonly string[] | undefined;
  readonly seconds: number;
}

/** One call may meet several deaths and the restart of the store. */
const CALL_MS = 300_000;
const CHUNK_STEPS = [2, 3, 4, 6, 8, 12] as const;
const AUDIT_INTERVAL_MS = 120_000;
/** One in so many finished experiments is deleted. */
const DELETED = 4;

/**
 * Runs the soak, lets everything come to rest, and asks for every acknowledged result.
 * @param inspect Called at rest, before the results are asked for.
 */
export async function runSoak(options: SoakOptions, inspect?: (ledger: Ledger) => Promise<void>): Promise<SoakOutcome> {
  const { store, log } = options;
  const oracle = await askOracle(options.variety, log);
  const sites: Site[] = [];
  try {
    const env = { EASEL_LEASE_SECONDS: String(LEASE_SECONDS) };
    const start = async () => sites.push(await openSite({ place: store, env, mortal: true }));
    await Promise.all([start(), start()]);
    const hosts = sites.map(site => site.easel);
    let turn = 0;
    const client = createClient(() => pickOne(hosts, options.seed, turn++, 'server').url, CALL_MS);
    const work = createWork(options, oracle, client);
    const started = performance.now();
    const ending = AbortSignal.timeout(options.seconds * 1000);
    const maintenance = await createMaintenance(client);
    const [chaos] = await Promise.all([
      makeChaos({ seed: options.seed, hosts, ...(store.mortal && { store: store.mortal }), signal: ending, log }),
      ...Array.from({ length: options.users }, (_, user) => work.use(user, ending)),
      maintainNowAndThen(work.ledger, client, maintenance, ending, log),
    ]);
    const { ledger } = work;
    await inspect?.(ledger);
    log('at rest: asking for all that was acknowledged');
    const blobs = await audit(ledger, client);
    const results = ledger.experiments.size + ledger.datasets.size + ledger.pictures.size;
    const verified = await maintenance.verify();
    const { calls, hits } = work;
    return {
      ledger,
      chaos,
      calls,
      hits,
      attempts: client.attempts,
      audited: { results, blobs },
      verified,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await Promise.all(sites.map(site => site.close()));
  }
}

async function maintainNowAndThen(
  ledger: Ledger,
  client: Client,
  maintenance: Maintenance,
  ending: AbortSignal,
  log: (line: string) => void,
): Promise<void> {
  for (let at = performance.now(); !ending.aborted; ) {
    await new Promise(resolve => setTimeout(resolve, 500));
    if (performance.now() - at < AUDIT_INTERVAL_MS) continue;
    await maintenance.collectGarbage();
    const blobs = await audit(ledger, client);
    at = performance.now();
    log(`${blobs} blobs of what was acknowledged were read; ${ledger.lost.length} lost, ${ledger.wrong.length} wrong`);
  }
}

/** What the users do; each of them one thing after the other. */
function createWork({ seed, variety, log }: SoakOptions, oracle: Oracle, client: Client) {
  const ledger = createLedger();
  const calls = new Map<string, number[]>();
  const hits: number[] = [];
  let trained = 0;

  function count(kind: string, answer: Answer): void {
    calls.set(kind, [...(calls.get(kind) ?? []), answer.totalMs]);
    if (answer.hit && answer.attempts === 1) hits.push(answer.lastMs);
  }

  async function turn(user: number, round: number): Promise<void> {
    const key = [seed, user, round] as const;
    const draw = (limit: number, what: string) => Math.floor(drawUniform(...key, what) * limit);
    const dataset = draw(variety.datasets, 'dataset');
    const model = draw(variety.models, 'model');
    const prepared = await prepare(client, dataset);
    count('prepare', prepared.answer);
    if (acknowledge(ledger, `data set ${dataset}`, prepared.digest, oracle.dataset(dataset))) {
      ledger.datasets.set(dataset, prepared.digest);
    }
    const name = `soak-${user}-${round}`;
    await create(client, { name, dataset, model, chunkSteps: pickOne(CHUNK_STEPS, ...key, 'chunk') });
    const training = await train(client, name);
    count('train', training.answer);
    const checkpoint = oracle.checkpoint(dataset, model);
    if (acknowledge(ledger, `the training ${name}`, training.digest, checkpoint)) {
      ledger.experiments.set(name, training.digest);
    }
    for (let i = 0; i < 3; i++) {
      const picture = draw(variety.pictures, `picture ${i}`);
      const { answer, digest } = await sample(client, name, picture);
      count('sample', answer);
      if (acknowledge(ledger, `picture ${picture} of ${name}`, digest, oracle.picture(dataset, model, picture))) {
        ledger.pictures.set(`${checkpoint} ${picture}`, digest);
      }
    }
    trained++;
    log(`user ${user}: ${name} trained and sampled (${trained} in all)`);
    if (draw(DELETED, 'delete') === 0) await forget(name, checkpoint);
  }

  /** Another experiment with the same checkpoint must be left: pictures are asked of it at the end. */
  async function forget(name: string, checkpoint: string): Promise<void> {
    if ([...ledger.experiments].filter(([, kept]) => kept === checkpoint).length < 2) return;
    ledger.experiments.delete(name);
    await client.ask('DELETE', `/experiments/${name}`).catch(error => {
      // The answer of an earlier attempt was lost.
      if (!(error instanceof Refused && error.status === 404)) throw error;
    });
  }

  return {
    ledger,
    calls,
    hits,
    async use(user: number, ending: AbortSignal): Promise<void> {
      for (let round = 0; !ending.aborted; round++) {
        try {
          await turn(user, round);
        } catch (error) {
          if (!(error instanceof Refused || error instanceof Unanswered)) throw error;
          ledger.lost.push(`user ${user}: ${error.message}`);
          log(`LOST: user ${user}: ${error.message}`);
        }
      }
    },
  };
}
