/**
 * Mounts at a few paths, each with a description and a ttl that say which version it is. A mount is two registers: its row, which is listed,
 * tuned and in the way of another one, and the route to it. Who disables it takes the route first, ends what was issued there, and then takes
 * the row; should that fail, the route is there again.
 */
import type { JsonObject } from '@coffer/base';
import type { Answer } from './balancer.ts';
import type { Answered, History, Pending } from './history.ts';
import type { Value } from './linearizable.ts';
import { unexpected } from './policies.ts';
import { atEachNode, is, isAbsent, isThere, shown, textOf, Versions, type Where, type Worker } from './work.ts';

const PATHS = ['team-0', 'team-1', 'team-2'];
/** Far below the longest ttl that there may be. */
const TTLS = 1_000_000;

/** A route has no versions. */
const THERE = 'there';

const versions = new Versions();

function partsOf(version: number): { description: string; default_lease_ttl: number } {
  return { description: `version ${version}`, default_lease_ttl: 60 + (version % TTLS) };
}

export class Mounts {
  async enable(worker: Worker): Promise<void> {
    const path = worker.random.pick(PATHS);
    const version = versions.next();
    const { description, default_lease_ttl } = partsOf(version);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      {
        kind: 'mount enable',
        method: 'PUT',
        path: `sys/mounts/${path}`,
        body: { type: 'database', description, config: { default_lease_ttl } },
      },
      (node) => {
        const what = `${worker.name} at ${node}: enable ${version}`;
        const row = this.#row(worker, path).invoke(what, { value: String(version) });
        return together(row, this.#route(worker, path).invoke(what, { value: THERE }));
      },
    );
    // There may be one, for instance since the first try took effect and its answer was lost.
    const taken = answer.status === 400 && answer.errors.join().includes('path is already in use');
    if (taken) return attempt.answered({ what: 'in use', accepts: isThere, changed: false }, { changed: false });
    if (unexpected(worker, answer, 'mount enable')) return attempt.unknown();
    attempt.answered({ accepts: isAbsent }, { accepts: isAbsent });
    if (worker.random.next() < 0.3) await atEachNode(worker, (where) => this.#use(worker, path, where));
  }

  async tune(worker: Worker): Promise<void> {
    const path = worker.random.pick(PATHS);
    const version = versions.next();
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'mount tune', method: 'PUT', path: `sys/mounts/${path}/tune`, body: partsOf(version) },
      (node) => {
        const what = `${worker.name} at ${node}: tune ${version}`;
        const row = this.#row(worker, path).invoke(what, { value: String(version) });
        return together(row, this.#route(worker, path).invoke(what));
      },
    );
    if (isMissing(answer)) return attempt.answered({ changed: false }, { what: 'none', accepts: isAbsent });
    if (unexpected(worker, answer, 'mount tune')) return attempt.unknown();
    // One that another node is disabling has its row still.
    attempt.answered({ accepts: isThere });
  }

  async disable(worker: Worker): Promise<void> {
    const path = worker.random.pick(PATHS);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'mount disable', method: 'DELETE', path: `sys/mounts/${path}` },
      (node) => {
        const what = `${worker.name} at ${node}: disable`;
        const route = this.#route(worker, path);
        const gone = together(
          this.#row(worker, path).invoke(what, { value: undefined }),
          route.invoke(what, { value: undefined }),
        );
        const again = route.invoke(`${what} fails`, { value: THERE });
        return together(gone, again);
      },
    );
    if (unexpected(worker, answer, 'mount disable')) return attempt.unknown();
    attempt.answered({}, { changed: false });
  }

  async look(worker: Worker): Promise<void> {
    const path = worker.random.pick(PATHS);
    const way = worker.random.weighted({ one: 2, list: 1, use: 2 });
    if (way === 'one') await this.#read(worker, path);
    else if (way === 'list') await this.#list(worker, path);
    else await this.#use(worker, path);
  }

  async everywhere(worker: Worker): Promise<void> {
    for (const node of worker.cluster.nodes) {
      for (const path of PATHS) {
        await this.#read(worker, path, { node });
        await this.#use(worker, path, { node });
      }
    }
  }

  #row(worker: Worker, path: string): History {
    return worker.histories.of(`mount ${path}`);
  }

  #route(worker: Worker, path: string): History {
    return worker.histories.of(`route ${path}`);
  }

  async #read(worker: Worker, path: string, where: Where = {}): Promise<void> {
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'mount read', method: 'GET', path: `sys/mounts/${path}`, ...where },
      (at) => this.#row(worker, path).invoke(`${worker.name} at ${at}: read`),
    );
    if (!isMissing(answer) && unexpected(worker, answer, 'mount read')) return attempt.unknown();
    const value = isMissing(answer) ? undefined : versionOf(answer.data);
    attempt.answered({ what: shown(value), accepts: is(value) });
  }

  async #list(worker: Worker, path: string): Promise<void> {
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'mount list', method: 'GET', path: 'sys/mounts' },
      (at) => this.#row(worker, path).invoke(`${worker.name} at ${at}: list`),
    );
    if (unexpected(worker, answer, 'mount list')) return attempt.unknown();
    const value = versionOf(answer.data[`${path}/`] as JsonObject | undefined);
    attempt.answered({ what: shown(value), accepts: is(value) });
  }

  /** A request to the engine: there is one, or no route to it. */
  async #use(worker: Worker, path: string, where: Where = {}): Promise<void> {
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'mount use', method: 'LIST', path: `${path}/roles`, ...where },
      (at) => this.#route(worker, path).invoke(`${worker.name} at ${at}: use`),
    );
    const none = answer.status === 404 && answer.errors.join().includes('no handler for route');
    attempt.answered({ what: none ? 'no route' : 'served', accepts: none ? isAbsent : isThere });
  }
}

/** One request that is seen in two histories. */
function together(one: Pending, other: Pending) {
  return {
    answered(first: Answered = {}, second: Answered = {}): void {
      one.answered(first);
      other.answered(second);
    },
    unknown(): void {
      one.unknown();
      other.unknown();
    },
  };
}

function isMissing({ status, errors }: Answer): boolean {
  return (status === 400 || status === 404) && /No secret engine mount|no mount|no matching mount/i.test(errors.join());
}

/** Description and ttl are written by one request and are read as one. */
function versionOf(mount: JsonObject | undefined): Value {
  if (mount === undefined) return undefined;
  const [, version = ''] = /^version (\d+)$/.exec(textOf(mount['description'])) ?? [];
  const { default_lease_ttl } = (mount['config'] ?? {}) as JsonObject;
  const whole = Number(default_lease_ttl) === partsOf(Number(version)).default_lease_ttl;
  return whole ? version : `${textOf(mount['description'])} with ttl ${textOf(default_lease_ttl)}`;
}
