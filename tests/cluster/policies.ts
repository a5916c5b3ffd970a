/** Policies, and what they let a token do: everything that shows which version is in force is a read of the same register. */
import type { JsonObject } from '@coffer/base';
import { type Answer, UNRECORDED } from './balancer.ts';
import type { Value } from './linearizable.ts';
import { atEachNode, is, isAbsent, shown, textOf, Versions, type Where, type Work, type Worker } from './work.ts';

const COUNT = 4;
/** The version in binary: which of so many paths the policy lets a token read. */
const BITS = 20;
const PROBES = Array.from({ length: BITS }, (_, bit) => `probe/${bit}`);
/** What version 0, 2, 4, … does not let it read. */
const ODD_PATH = 'database/roles';

const versions = new Versions();

function isOdd(version: number): boolean {
  return (version & 1) === 1;
}

export function policyText(version: number): string {
  const lets = (path: string, reads: boolean): string =>
    `path "${path}" { capabilities = ["${reads ? 'read' : 'update'}"] }\n`;
  const bits = PROBES.map((path, bit) => lets(path, ((version >> bit) & 1) === 1));
  return `# version ${version}\npath "${ODD_PATH}" { capabilities = ["${isOdd(version) ? 'list' : 'update'}"] }\n${bits.join('')}`;
}

interface Holder {
  readonly policy: string;
  readonly token: string;
}

export class Policies {
  readonly #holders: readonly Holder[];

  private constructor(holders: readonly Holder[]) {
    this.#holders = holders;
  }

  /** With a token for each policy, none of which exists yet. */
  static async make(worker: Worker): Promise<Policies> {
    const holders: Holder[] = [];
    for (let n = 0; n < COUNT; n++) {
      const policy = `cluster-${n}`;
      const body = { policies: [policy], ttl: '24h' };
      const { answer } = await worker.balancer.send(
        worker.random,
        { kind: 'token', method: 'PUT', path: 'auth/token/create', body },
        UNRECORDED,
      );
      const auth = answer.body['auth'] as JsonObject;
      holders.push({ policy, token: auth['client_token'] as string });
    }
    return new Policies(holders);
  }

  #history(work: Work, policy: string) {
    return work.histories.of(`policy ${policy}`);
  }

  async write(worker: Worker): Promise<void> {
    const { policy } = worker.random.pick(this.#holders);
    const version = versions.next();
    const history = this.#history(worker, policy);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      {
        kind: 'policy write',
        method: 'PUT',
        path: `sys/policies/acl/${policy}`,
        body: { policy: policyText(version) },
      },
      (node) => history.invoke(`${worker.name} at ${node}: write ${version}`, { value: String(version) }),
    );
    attempt.answered({ changed: answer.status < 300 });
    unexpected(worker, answer, 'policy write');
    if (worker.random.next() > 0.3) return;
    for (const holder of this.#holders) {
      if (holder.policy === policy) await atEachNode(worker, (where) => this.#capabilities(worker, holder, where));
    }
  }

  async remove(worker: Worker): Promise<void> {
    const { policy } = worker.random.pick(this.#holders);
    const history = this.#history(worker, policy);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'policy delete', method: 'DELETE', path: `sys/policies/acl/${policy}` },
      (node) => history.invoke(`${worker.name} at ${node}: delete`, { value: undefined }),
    );
    attempt.answered({ changed: answer.status < 300 });
    unexpected(worker, answer, 'policy delete');
  }

  async look(worker: Worker): Promise<void> {
    const holder = worker.random.pick(this.#holders);
    const way = worker.random.weighted({ text: 2, capabilities: 3, use: 1 });
    if (way === 'text') await this.#read(worker, holder.policy);
    else if (way === 'capabilities') await this.#capabilities(worker, holder);
    else await this.#use(worker, holder);
  }

  /** Its text and its effect at each node. */
  async everywhere(worker: Worker): Promise<void> {
    for (const holder of this.#holders) {
      for (const node of worker.cluster.nodes) {
        await this.#capabilities(worker, holder, { node });
        await this.#read(worker, holder.policy, { node });
      }
    }
  }

  async #read(worker: Worker, policy: string, where: Where = {}): Promise<void> {
    const history = this.#history(worker, policy);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'policy read', method: 'GET', path: `sys/policies/acl/${policy}`, ...where },
      (at) => history.invoke(`${worker.name} at ${at}: read`),
    );
    const value = answer.status === 404 ? undefined : versionOf(answer.data['policy']);
    attempt.answered({ what: shown(value), accepts: is(value) });
  }

  async #capabilities(worker: Worker, { policy, token }: Holder, where: Where = {}): Promise<void> {
    const history = this.#history(worker, policy);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      {
        kind: 'capabilities',
        method: 'PUT',
        path: 'sys/capabilities-self',
        body: { paths: PROBES },
        token,
        ...where,
      },
      (at) => history.invoke(`${worker.name} at ${at}: capabilities`),
    );
    if (unexpected(worker, answer, 'capabilities')) return attempt.unknown();
    const value = versionInForce(answer.data);
    attempt.answered({ what: shown(value), accepts: is(value) });
  }

  /** A request that every other version lets through. */
  async #use(worker: Worker, { policy, token }: Holder): Promise<void> {
    const history = this.#history(worker, policy);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'policy use', method: 'LIST', path: ODD_PATH, token },
      (at) => history.invoke(`${worker.name} at ${at}: use`),
    );
    const denied = answer.status === 403;
    attempt.answered({
      what: denied ? 'denied' : 'allowed',
      accepts: (value) => denied === (isAbsent(value) || !isOdd(Number(value))),
    });
  }
}

function versionOf(text: unknown): Value {
  const [, version = ''] = /^# version (\d+)\n/.exec(String(text)) ?? [];
  return text === policyText(Number(version)) ? version : `a text that nobody wrote: ${String(text).slice(0, 40)}`;
}

function versionInForce(data: JsonObject): Value {
  const may = (path: string): string => textOf(data[path]).replace(/^\["(\w+)"\]$/, '$1');
  const ones = PROBES.filter((path) => may(path) === 'read');
  const zeros = PROBES.filter((path) => may(path) === 'update');
  if (ones.length + zeros.length === 0) return undefined;
  if (ones.length + zeros.length < BITS) return 'parts of a policy';
  return String(PROBES.reduce((sum, path, bit) => sum + (may(path) === 'read' ? 2 ** bit : 0), 0));
}

/** A 4xx where none can be. @returns whether it is one */
export function unexpected({ findings, name }: Worker, answer: Answer, what: string): boolean {
  if (answer.status < 300) return false;
  findings.count('surfaced errors');
  findings.violation(`${name}: ${what} at ${answer.node} answered ${answer.status}: ${answer.errors.join('; ')}`);
  return true;
}
