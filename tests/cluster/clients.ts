/** Clients, each of which does one thing after the other as its own draws say. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SurfacedError } from './balancer.ts';
import { Credentials } from './credentials.ts';
import { Mounts } from './mounts.ts';
import { NamedEntries } from './named-entries.ts';
import { rotateKeyring, rotateRoot } from './operator.ts';
import { Policies } from './policies.ts';
import type { Random } from './random.ts';
import { StaticRoles } from './static-roles.ts';
import type { Work, Worker } from './work.ts';

/** How often each thing is done, in proportion. */
export const WORK = {
  issue: 20,
  renew: 8,
  revoke: 8,
  'revoke-prefix': 1,
  'lease-look': 12,
  'role-write': 3,
  'policy-write': 8,
  'policy-delete': 1,
  'policy-look': 12,
  'mount-enable': 3,
  'mount-tune': 3,
  'mount-disable': 2,
  'mount-look': 8,
  'entry-write': 4,
  'entry-delete': 1,
  'entry-look': 6,
  'static-rotate': 2,
  'static-look': 4,
  'root-rotate': 0.2,
  'keyring-rotate': 0.2,
};
export type WorkKind = keyof typeof WORK;

export class Clients {
  readonly credentials = new Credentials();
  readonly staticRoles = new StaticRoles();
  readonly mounts = new Mounts();
  readonly entries = new NamedEntries();
  readonly #work: Work;
  readonly #random: Random;
  #policies: Policies | undefined;

  constructor(work: Work, random: Random) {
    this.#work = work;
    this.#random = random;
  }

  get policies(): Policies {
    if (this.#policies === undefined) throw new Error('not prepared');
    return this.#policies;
  }

  worker(number: number): Worker {
    return { ...this.#work, name: `client ${number}`, random: this.#random.stream(number) };
  }

  async prepare(): Promise<void> {
    const worker = this.worker(0);
    await this.credentials.make(worker);
    await this.staticRoles.make(worker);
    this.#policies = await Policies.make(worker);
  }

  /** Until told to stop; then each finishes what it has begun. */
  async run(
    count: number,
    rates: Readonly<Record<WorkKind, number>>,
    thinkMs: number,
    stop: AbortSignal,
  ): Promise<void> {
    const one = async (worker: Worker): Promise<void> => {
      while (!stop.aborted) {
        const kind = worker.random.weighted(rates);
        await this.#do(kind, worker).catch((error: unknown) => {
          if (error instanceof SurfacedError) return;
          worker.findings.violation(`${worker.name} ${kind}: ${error instanceof Error ? error.stack : String(error)}`);
        });
        await sleep(worker.random.next() * 2 * thinkMs);
      }
    };
    await Promise.all(Array.from({ length: count }, (_, n) => one(this.worker(n + 1))));
  }

  #do(kind: WorkKind, worker: Worker): Promise<void> {
    const { credentials, staticRoles, mounts, entries, policies } = this;
    const things: Readonly<Record<WorkKind, (worker: Worker) => Promise<void>>> = {
      issue: (by) => credentials.issue(by),
      renew: (by) => credentials.renew(by),
      revoke: (by) => credentials.revoke(by),
      'revoke-prefix': (by) => credentials.revokePrefix(by),
      'lease-look': (by) => credentials.look(by),
      'role-write': (by) => credentials.writeRole(by),
      'policy-write': (by) => policies.write(by),
      'policy-delete': (by) => policies.remove(by),
      'policy-look': (by) => policies.look(by),
      'mount-enable': (by) => mounts.enable(by),
      'mount-tune': (by) => mounts.tune(by),
      'mount-disable': (by) => mounts.disable(by),
      'mount-look': (by) => mounts.look(by),
      'entry-write': (by) => entries.write(by),
      'entry-delete': (by) => entries.remove(by),
      'entry-look': (by) => entries.look(by),
      'static-rotate': (by) => staticRoles.rotate(by),
      'static-look': (by) => staticRoles.look(by),
      'root-rotate': rotateRoot,
      'keyring-rotate': rotateKeyring,
    };
    return things[kind](worker);
  }
}
