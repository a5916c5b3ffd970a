import { isOutcomeUnknown } from '@coffer/base';
import { type Answer, Failure, type Session } from '@coffer/yb-connection';
import type { Access } from '../ddl/access.ts';
import { lendPathLocally } from '../ddl/lent-session.ts';
import { asBlock, BEGIN, COMMIT, sendSteps, type Step } from '../ddl/steps.ts';
import { probeTransactionalDdl } from '../ddl/transactional-ddl.ts';
import {
  type LateEffect,
  noProgress,
  type Progress,
  refuseRollback,
  roleStep,
  rollBack,
  untilLanded,
  useForDdl,
} from '../ddl/transaction.ts';
import { quoteList } from '../sql/render.ts';
import type { RenderedStatement } from '../sql/statement-template.ts';

export interface Creation {
  readonly name: string;
  /** Nobody can already have this name (see `Username`). */
  readonly unique: boolean;
  readonly statements: readonly RenderedStatement[];
}

/** What became of one user in a batch. */
export interface CreationOutcome {
  readonly kind:
    | 'made'
    /** A role of that name was there before the first statement, so nothing was done. */
    | 'existed'
    /** The error is due to this user's own statements. */
    | 'failed'
    /** The error may be due to a neighbour's; this user has not been tried alone. */
    | 'disturbed';
  readonly progress: Progress;
  /** Set if it `failed` or was `disturbed`. */
  readonly error?: unknown;
}

/** Nobody needs to wait for what a silent node makes of a user whom nobody else can be taken for. */
export function lateEffect(users: readonly Pick<Creation, 'unique'>[]): LateEffect {
  return users.every(({ unique }) => unique) ? 'tell' : 'wait';
}

/**
 * Whether a user may share a transaction: none of its role's statements can affect a neighbour or the session, and when they
 * have run the login is there, so that nobody need look.
 */
export function canShare({ statements }: Creation): boolean {
  return statements[0]?.makesUser === true && statements.every(isPlain);
}

/** Safe next to a neighbour's statements: without a backslash, which the server may read differently than we do. */
function isPlain({ kind, sql }: RenderedStatement): boolean {
  return (kind === 'create-role' || kind === 'grant') && !sql.includes('\\');
}

/**
 * Creates users that {@link canShare}: in one transaction if the server is known to keep DDL in it, otherwise one after the
 * other. Those that failed are to be tried again alone.
 *
 * @throws Failure, CofferError if there was no connection to be had
 */
export async function createTogether(
  access: Access,
  creations: readonly Creation[],
): Promise<readonly CreationOutcome[]> {
  const members = creations.map((creation) => new Member(creation));
  let begun = false;
  const work = async (session: Session): Promise<void> => {
    begun = true;
    const left = [...members];
    while (left.length > 0) {
      const group = left.splice(0, session.transactionalDdl === true ? left.length : 1);
      try {
        await new SharedTransaction(access, session, group).run();
      } catch (error) {
        for (const member of group) member.fail(error, group.length === 1);
        if (!(error instanceof Failure) || error.outcomeUnknown) throw error;
      }
    }
  };
  try {
    // Shared even with GRANTs: where the server lets DDL run side by side, only the part with the GRANTs takes turns.
    await untilLanded(access, () => useForDdl(access, 'shared', work), lateEffect(creations));
  } catch (error) {
    if (!begun) throw error;
    if (error instanceof Failure && error.mayLand) {
      for (const member of members) if (isOutcomeUnknown(member.error)) member.error = error;
    }
  }
  return members;
}

class Member implements CreationOutcome {
  readonly name: string;
  readonly unique: boolean;
  /** The statements before the first that touches privileges. */
  readonly creates: readonly RenderedStatement[];
  readonly rest: readonly RenderedStatement[];
  readonly progress: Progress = noProgress();
  kind: CreationOutcome['kind'] = 'disturbed';
  error: unknown;

  constructor({ name, unique, statements }: Creation) {
    const at = statements.findIndex((statement) => statement.kind !== 'create-role');
    this.name = name;
    this.unique = unique;
    this.creates = at < 0 ? statements : statements.slice(0, at);
    this.rest = at < 0 ? [] : statements.slice(at);
  }

  fail(error: unknown, own: boolean): void {
    if (this.kind === 'existed') return;
    this.kind = own ? 'failed' : 'disturbed';
    this.error = error;
  }

  steps(session: Session, statements: readonly RenderedStatement[]): readonly Step[] {
    return statements.map((statement) => roleStep(session, statement, this.progress));
  }
}

/**
 * Two round trips: first a look at which names are taken, and BEGIN; then everything else, for the names that are free. Names
 * that nobody can have need no look, so there it is one round trip, and for a single statement not even a transaction.
 *
 * BEGIN may fail where we do not wait for it. Then the statements take effect one by one, as they do on YugabyteDB anyway.
 */
class SharedTransaction {
  readonly #access: Access;
  readonly #session: Session;
  #members: readonly Member[];

  constructor(access: Access, session: Session, members: readonly Member[]) {
    this.#access = access;
    this.#session = session;
    this.#members = members;
  }

  /** @throws Failure */
  async run(): Promise<void> {
    try {
      const unique = this.#members.every((member) => member.unique);
      if (!unique) await this.#open();
      const creates = this.#creates();
      const lend = lendPathLocally(this.#members.flatMap((member) => member.rest));
      const rest = [...lend, ...this.#members.flatMap((member) => member.steps(this.#session, member.rest))];
      const [only, ...others] = creates;
      if (this.#members.length === 0) await rollBack(this.#session);
      else if (unique && only !== undefined && others.length + rest.length === 0) await this.#runAlone(only);
      else await this.#finish(unique ? [BEGIN, ...creates] : creates, rest);
      for (const member of this.#members) member.kind = 'made';
    } catch (error) {
      await rollBack(this.#session);
      throw error;
    }
  }

  async #open(): Promise<void> {
    const present = new Set<unknown>();
    await sendSteps(this.#session, [
      ...this.#access.advisoryLock.probe(this.#session),
      {
        // Without parameters, which would double what the query costs the server.
        sql: `SELECT rolname::pg_catalog.text AS name FROM pg_catalog.pg_roles WHERE rolname IN (${quoteList(this.#members.map((member) => member.name))})`,
        what: 'looking for a role',
        see: (answer) => {
          if (!(answer instanceof Failure)) for (const row of answer.rows) present.add(row['name']);
        },
      },
      BEGIN,
    ]);
    for (const member of this.#members) if (present.has(member.name)) member.kind = 'existed';
    this.#members = this.#members.filter((member) => member.kind !== 'existed');
  }

  /** A single statement is a transaction of its own: if its answer is lost, the role is either there or it is not. */
  async #runAlone(step: Step): Promise<void> {
    for (const member of this.#members) member.progress.commitSent = true;
    await sendSteps(this.#session, [step]);
  }

  async #finish(creates: readonly Step[], rest: readonly Step[]): Promise<void> {
    if (rest.length === 0) return await this.#commit(creates);
    const { queue, advisoryLock } = this.#access;
    // The server hashes the password when it creates a role; others need not wait for that.
    const apart = queue.load > 1;
    // Before BEGIN, since its failure must not fail the transaction. Asked only once, so only the first message has it.
    const probe = (): readonly Step[] => advisoryLock.probe(this.#session);
    if (apart) await this.#send(creates, probe());
    // After BEGIN, because the lock ends with the transaction.
    await queue.withPrivileges(() =>
      this.#commit([...(apart ? [] : creates), ...advisoryLock.take(this.#session), ...rest], probe()),
    );
  }

  async #send(block: readonly Step[], before: readonly Step[] = []): Promise<readonly Answer[]> {
    return await sendSteps(this.#session, [...before, ...asBlock(this.#session, block)]);
  }

  async #commit(block: readonly Step[], before: readonly Step[] = []): Promise<void> {
    const commit: Step = {
      ...COMMIT,
      see: (_, clean) => {
        if (clean) for (const member of this.#members) member.progress.commitSent = true;
      },
    };
    const answers = await this.#send([...block, commit], before);
    refuseRollback(this.#session, answers.at(-1));
  }

  #creates(): readonly Step[] {
    const [first, ...others] = this.#members.flatMap((member) => member.steps(this.#session, member.creates));
    if (first === undefined) return others;
    return [first, ...probeTransactionalDdl(this.#access.queue, this.#session), ...others];
  }
}
