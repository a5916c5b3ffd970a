/** Static roles: rotated by request, and what is shown of them logs in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { tryLogin } from '../logins.ts';
import { UNRECORDED } from './balancer.ts';
import type { ClusterNode } from './cluster-node.ts';
import { PasswordBook } from './password-book.ts';
import { unexpected } from './policies.ts';
import { textOf, type Worker } from './work.ts';

const COUNT = 3;
const LONG = 7 * 86_400;
const PAUSE_MS = 500;
/** However many rotations follow one another, at some time what is shown is right. */
const SETTLED_MS = 120_000;

export class StaticRoles {
  readonly passwords = new Set<string>();
  readonly #books = Array.from({ length: COUNT }, (_, n) => new PasswordBook(`static-${n}`));

  static loginOf(role: string): string {
    return `cluster_${role.replace('-', '_')}`;
  }

  async make(worker: Worker): Promise<void> {
    for (const { role } of this.#books) {
      const username = StaticRoles.loginOf(role);
      await worker.cluster.database.query(`CREATE ROLE ${username} LOGIN PASSWORD 'chosen'`);
      const body = { db_name: 'main', username, rotation_period: LONG };
      const path = `database/static-roles/${role}`;
      const { answer } = await worker.balancer.send(
        worker.random,
        { kind: 'static role', method: 'PUT', path, body },
        UNRECORDED,
      );
      unexpected(worker, answer, path);
    }
  }

  /** Drops the logins. */
  async remove({ cluster }: Pick<Worker, 'cluster'>): Promise<void> {
    for (const { role } of this.#books)
      await cluster.database.query(`DROP ROLE IF EXISTS ${StaticRoles.loginOf(role)}`);
  }

  async rotate(worker: Worker): Promise<void> {
    const book = worker.random.pick(this.#books);
    const { answer, attempt } = await worker.balancer.send(
      worker.random,
      { kind: 'rotate-role', method: 'PUT', path: `database/rotate-role/${book.role}` },
      () => book.beginRotation(),
    );
    if (unexpected(worker, answer, `rotate-role/${book.role}`)) return attempt.unknown();
    attempt.answered();
    worker.findings.count('static roles rotated');
    await this.#read(worker, book);
  }

  async look(worker: Worker): Promise<void> {
    await this.#read(worker, worker.random.pick(this.#books));
  }

  async everywhere(worker: Worker): Promise<void> {
    for (const node of worker.cluster.nodes) for (const book of this.#books) await this.#read(worker, book, node);
  }

  /** Again while a rotation may be under way, until what is shown logs in. */
  async #read(worker: Worker, book: PasswordBook, node?: ClusterNode): Promise<void> {
    const began = performance.now();
    for (;;) {
      let from = performance.now();
      const { answer } = await worker.balancer.send(
        worker.random,
        { kind: 'static-creds', method: 'GET', path: `database/static-creds/${book.role}`, ...(node && { node }) },
        () => {
          from = performance.now();
          return UNRECORDED();
        },
      );
      if (unexpected(worker, answer, `static-creds/${book.role}`)) return;
      const password = textOf(answer.data['password']);
      this.passwords.add(password);
      const wrong = book.saw(password, from);
      worker.findings.count('static passwords checked');
      if (wrong !== undefined)
        worker.findings.violation(`${worker.name}: static-creds/${book.role} at ${answer.node} ${wrong}`);
      const login = await tryLogin(worker.cluster.database, StaticRoles.loginOf(book.role), password);
      if ('user' in login) return;
      const tooLong = performance.now() - began > SETTLED_MS;
      if (tooLong || !book.mayHaveChanged(from)) {
        worker.findings.violation(
          `${worker.name}: static-creds/${book.role} at ${answer.node} shows a password that does not log in: ${login.refusal}`,
        );
        return;
      }
      await sleep(PAUSE_MS);
    }
  }
}
