/** Dynamic credentials: issued, logged in with, renewed, looked up and revoked. */
import type { JsonObject } from '@coffer/base';
import { tryLogin } from '../logins.ts';
import { type Attempt, UNRECORDED } from './balancer.ts';
import { type KnownLease, LeaseBook } from './lease-book.ts';
import { unexpected } from './policies.ts';
import { atEachNode, is, textOf, Versions, type Where, type Worker } from './work.ts';

/** Their leases last so many seconds. */
const ROLES: Readonly<Record<string, number>> = { 'app-0': 12, 'app-1': 25, 'app-2': 60, 'app-3': 3_600, 'app-4': 40 };
/** Of these, whoever likes revokes all. */
const SWEPT = ['app-1', 'app-4'];
/** More live logins than that would only make the test slow. */
const MOST_LIVE = 150;
/** What a database says to a login that is gone. */
const REFUSED = /password authentication failed|does not exist|is not permitted to log in/;

const versions = new Versions();

export class Credentials {
  readonly book = new LeaseBook();

  /** The roles, which have a version each: the connection limit of the logins they make. */
  async make(worker: Worker): Promise<void> {
    for (const role of Object.keys(ROLES)) await this.#writeRole(worker, role);
  }

  async writeRole(worker: Worker): Promise<void> {
    await this.#writeRole(worker, worker.random.pick(Object.keys(ROLES)));
  }

  async #writeRole(worker: Worker, role: string): Promise<void> {
    const version = versions.next();
    const body = {
      db_name: 'main',
      creation_statements: [
        `CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' CONNECTION LIMIT ${version}`,
      ],
      default_ttl: ROLES[role] ?? 60,
      max_ttl: '24h',
    };
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'role write', method: 'PUT', path: `database/roles/${role}`, body },
      (node) =>
        this.#roleHistory(worker, role).invoke(`${worker.name} at ${node}: write ${version}`, {
          value: String(version),
        }),
    );
    if (unexpected(worker, answer, 'role write')) return attempt.unknown();
    attempt.answered();
  }

  #roleHistory(worker: Worker, role: string) {
    return worker.histories.of(`role ${role}`);
  }

  async issue(worker: Worker): Promise<void> {
    if (this.#live.length > MOST_LIVE) return this.revoke(worker);
    const role = worker.random.pick(Object.keys(ROLES));
    let invoked = Date.now();
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'creds', method: 'GET', path: `database/creds/${role}` },
      (node) => {
        invoked = Date.now();
        return this.#roleHistory(worker, role).invoke(`${worker.name} at ${node}: creds`);
      },
    );
    // Whoever revokes all of a role also ends what is just being made.
    if (answer.status === 403 && this.book.isSwept(role, invoked)) return attempt.unknown();
    if (unexpected(worker, answer, 'creds')) return attempt.unknown();
    const { username, password } = answer.data as { username: string; password: string };
    const lease = this.book.issued(
      { id: textOf(answer.body['lease_id']), role, username, password },
      invoked,
      Number(answer.body['lease_duration']),
    );
    worker.findings.count('leases issued');
    const [login] = await worker.cluster.database.query('SELECT rolconnlimit FROM pg_roles WHERE rolname = $1', [
      username,
    ]);
    const version = login === undefined ? undefined : String(login['rolconnlimit']);
    attempt.answered(version === undefined ? {} : { what: `made by ${version}`, accepts: is(version) });
    await this.#logIn(worker, lease, `just issued by ${answer.node}`);
  }

  /** Checks whether its login is what it must be. */
  async #logIn(worker: Worker, lease: KnownLease, context: string): Promise<void> {
    const from = Date.now();
    worker.findings.count('requests/login');
    const login = await tryLogin(worker.cluster.database, lease.username, lease.password);
    const expected = this.book.expected(lease, from);
    if ('refusal' in login && !REFUSED.test(login.refusal)) {
      worker.findings.count('logins undecided');
    } else if (expected === 'there' && 'refusal' in login) {
      worker.findings.violation(
        `${lease.id} (${context}) is valid, and ${lease.username} cannot log in: ${login.refusal}`,
      );
    } else if (expected === 'gone' && 'user' in login && !lease.owed) {
      worker.findings.violation(`${lease.id} (${context}) was revoked, and ${lease.username} can log in`);
    }
  }

  #pick(worker: Worker): KnownLease | undefined {
    const current = this.book.current;
    return current.length === 0 ? undefined : worker.random.pick(current);
  }

  get #live(): KnownLease[] {
    return this.book.current.filter(({ endAsked, validUntil }) => endAsked === undefined && validUntil > Date.now());
  }

  #pickLive(worker: Worker): KnownLease | undefined {
    const live = this.#live;
    return live.length === 0 ? undefined : worker.random.pick(live);
  }

  async renew(worker: Worker): Promise<void> {
    const lease = this.#pickLive(worker);
    if (lease === undefined) return this.issue(worker);
    let invoked = Date.now();
    const { answer } = await worker.balancer.send(
      worker.random,
      { kind: 'renew', method: 'PUT', path: 'sys/leases/renew', body: { lease_id: lease.id } },
      () => {
        invoked = Date.now();
        return UNRECORDED();
      },
    );
    if (answer.status < 300) {
      this.book.renewed(lease, invoked, Number(answer.body['lease_duration']));
      worker.findings.count('leases renewed');
    } else if (this.book.expected(lease, invoked) === 'there') {
      unexpected(worker, answer, `renew of ${lease.id}, which is valid`);
    }
  }

  async revoke(worker: Worker): Promise<void> {
    const lease = this.#pickLive(worker);
    if (lease === undefined) return;
    this.book.asksEnd(lease);
    const { answer } = await worker.balancer.send(
      worker.random,
      { kind: 'revoke', method: 'PUT', path: 'sys/leases/revoke', body: { lease_id: lease.id, sync: true } },
      UNRECORDED,
    );
    if (unexpected(worker, answer, `revoke of ${lease.id}`)) return;
    this.book.ended(lease, isOwed(answer.body));
    worker.findings.count('leases revoked');
    await this.#logIn(worker, lease, `revoked by ${answer.node}`);
    if (worker.random.next() < 0.2) await atEachNode(worker, (where) => this.lookUp(worker, lease, where));
  }

  async revokePrefix(worker: Worker): Promise<void> {
    const role = worker.random.pick(SWEPT);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      {
        kind: 'revoke-prefix',
        method: 'PUT',
        path: `sys/leases/revoke-prefix/database/creds/${role}`,
        body: { sync: true },
      },
      (): Attempt & { end: ReturnType<LeaseBook['beginSweep']> } => {
        const end = this.book.beginSweep(role);
        return { end, unknown: () => end('unknown') };
      },
    );
    if (unexpected(worker, answer, `revoke-prefix of ${role}`)) return attempt.unknown();
    attempt.end(isOwed(answer.body) ? 'owed' : 'answered');
    const swept = this.book.all.filter((lease) => lease.role === role && lease.endAnswered !== undefined);
    worker.findings.count('prefixes revoked');
    if (swept.length > 0)
      await this.#logIn(worker, worker.random.pick(swept), `in the prefix revoked by ${answer.node}`);
  }

  async look(worker: Worker): Promise<void> {
    const lease = this.#pick(worker);
    if (lease === undefined) return this.issue(worker);
    if (worker.random.next() < 0.5) await this.#logIn(worker, lease, 'looked at');
    else await this.lookUp(worker, lease);
  }

  /** Checks whether a node knows of it what is so. */
  async lookUp(worker: Worker, lease: KnownLease, where: Where = {}): Promise<void> {
    let from = Date.now();
    const { answer } = await worker.balancer.send(
      worker.random,
      { kind: 'lookup', method: 'PUT', path: 'sys/leases/lookup', body: { lease_id: lease.id }, ...where },
      () => {
        from = Date.now();
        return UNRECORDED();
      },
    );
    const expected = this.book.expected(lease, from);
    const there = answer.status < 300;
    if (expected === 'there' && !there) {
      worker.findings.violation(
        `${lease.id} is valid, and ${answer.node} answers ${answer.status}: ${answer.errors.join('; ')}`,
      );
    } else if (expected === 'gone' && there && answer.data['revocation_owed'] === undefined) {
      worker.findings.violation(
        `${lease.id} was revoked, and ${answer.node} still has it: ${JSON.stringify(answer.data)}`,
      );
    }
  }
}

function isOwed(body: JsonObject): boolean {
  return Array.isArray(body['warnings']) && body['warnings'].length > 0;
}
