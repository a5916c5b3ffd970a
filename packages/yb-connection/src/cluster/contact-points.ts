import type { ConnectionSettings } from '../settings/connection-settings.ts';
import type { Endpoint } from '../settings/hosts.ts';
import { Failure } from '../session/failure.ts';
import type { NodeDialer } from './node-dialer.ts';
import type { NodeHealth } from './node-health.ts';
import { isElsewhere } from './race.ts';
import type { Session } from '../session/session.ts';
import { passes, ReadOnlyPlaces } from '../session/target-session.ts';

/** A configured host. */
interface Contact extends Endpoint {
  readonly key: string;
  /** It is the one that is preferred. */
  readonly first: boolean;
}

/** The configured hosts, to which a connection is opened where nothing is known of the cluster, or there is none. */
export class ContactPoints {
  readonly #settings: Pick<ConnectionSettings, 'hosts' | 'targetSession'>;
  readonly #dialer: NodeDialer;
  readonly #health: NodeHealth;
  readonly #readOnlyHosts = new ReadOnlyPlaces();

  constructor(settings: Pick<ConnectionSettings, 'hosts' | 'targetSession'>, dialer: NodeDialer, health: NodeHealth) {
    this.#settings = settings;
    this.#dialer = dialer;
    this.#health = health;
  }

  /**
   * A connection to the first that can be had, in their order, those that have failed last. One that failed since `since` is not
   * tried again when `failures` has what nodes failed with.
   *
   * @throws Failure, CofferError as `connect` does
   */
  async open(
    database: string,
    { since, failures }: { readonly since: number; readonly failures: readonly string[] },
  ): Promise<{ readonly session: Session; readonly first: boolean }> {
    let last: unknown;
    let contacts = this.#inOrder();
    for (const wanted of passes(this.#settings.targetSession)) {
      const unwanted: Contact[] = [];
      for (const contact of contacts) {
        const { key, first } = contact;
        if (failures.length > 0 && this.#health.failedSince(key, since)) continue;
        try {
          const session = await this.#dialer.open(contact, key, database, wanted);
          session.whenReadOnly(() => this.#readOnlyHosts.add(key));
          return { session, first };
        } catch (error) {
          last = error;
          if (!isElsewhere(error)) throw error;
          if (error.unwanted) unwanted.push(contact);
        }
      }
      // Those that are away are not waited for once more.
      contacts = unwanted;
    }
    throw last instanceof Error ? last : new Failure('unreachable', failures.join('; '));
  }

  #inOrder(): readonly Contact[] {
    const contacts = this.#settings.hosts.map(({ host, port }, at): Contact => {
      return { host, port, key: `${host}:${port}`, first: at === 0 };
    });
    const keyOf = ({ key }: Contact): string => key;
    return this.#health.last(this.#readOnlyHosts.last(contacts, keyOf), keyOf);
  }
}
