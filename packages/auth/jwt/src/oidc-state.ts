import { createHmac, randomBytes } from 'node:crypto';
import { isSameSecret } from '@coffer/base';
import { type Entries, type EntryStorage, stored } from '@coffer/framework';

/** A login that somebody has begun: what the provider carries back to us, and what only we know of it. */
export interface BegunLogin {
  /** Unlike any other's. */
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly role: string;
  readonly redirectUri: string;
  /** Proof of the nonce of the client, empty if it has none. */
  readonly clientProof: string;
  /** What the ID token must hold, so that no other login's token can be put in its place. */
  readonly nonce: string;
  /** Of PKCE (RFC 7636): without it nobody can redeem the code. */
  readonly verifier: string;
}

/** As long as Vault waits for somebody at the provider. */
const LIFETIME_MS = 600_000;
/** Names of spent logins that one more sweeps away. */
const SWEPT = 20;

const { boolean, entry, integer, string } = stored;
const KEY = entry<{ readonly key: string }>({ key: string() });
const SPENT = entry<{ readonly spent: boolean }>({ spent: boolean() });
const BEGUN = entry<Omit<BegunLogin, 'nonce' | 'verifier'>>({
  id: string(),
  expires: integer(),
  role: string(),
  redirectUri: string(),
  clientProof: string(),
});
const KEY_NAME = 'state-key';

/**
 * Logins that have been begun are kept nowhere: anybody can begin one, as often as they like. The state is the login itself under the
 * mount's own key, so that every node knows it again, and nonce and verifier are made of its id by the same key. Only one that has
 * led to a token is written down, until it would have expired: it leads to no other.
 */
export class OidcStates {
  readonly #keys: Entries<{ readonly key: string }>;
  readonly #spent: Entries<{ readonly spent: boolean }>;
  readonly #list: EntryStorage['list'];

  constructor(storage: EntryStorage) {
    this.#keys = storage.kept('oidc/', KEY);
    this.#spent = storage.of('oidc-spent/', SPENT);
    this.#list = (prefix, page) => storage.list(prefix, page);
  }

  async begin(role: string, redirectUri: string, clientNonce: string): Promise<{ state: string; login: BegunLogin }> {
    const key = await this.#key();
    const [id, expires] = [randomBytes(16).toString('base64url'), Date.now() + LIFETIME_MS];
    const clientProof = clientNonce === '' ? '' : mac(key, 'client', `${id}.${clientNonce}`).slice(0, 22);
    const begun = { id, expires, role, redirectUri, clientProof };
    const payload = Buffer.from(JSON.stringify(begun)).toString('base64url');
    return { state: `${payload}.${mac(key, 'state', payload)}`, login: { ...begun, ...secretsOf(key, id) } };
  }

  /** Undefined for a state that is not ours, has expired, or has led to a token. */
  async find(state: string): Promise<BegunLogin | undefined> {
    const [payload = '', proof = ''] = state.split('.', 2);
    const key = await this.#key();
    if (!isSameSecret(proof, mac(key, 'state', payload)) || state !== `${payload}.${proof}`) return undefined;
    const parts: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    const begun = BEGUN(parts, 'of a state');
    const login = { ...begun, ...secretsOf(key, begun.id) };
    if (login.expires <= Date.now()) return undefined;
    return (await this.#spent.get(spentName(login))) === undefined ? login : undefined;
  }

  /** Whether a client is the one that has begun a login. */
  async isFrom(login: BegunLogin, clientNonce: string): Promise<boolean> {
    if (login.clientProof === '') return true;
    return isSameSecret(login.clientProof, mac(await this.#key(), 'client', `${login.id}.${clientNonce}`).slice(0, 22));
  }

  /** Returns false where it has been spent already: of several callers only one gets true. */
  async spend(login: BegunLogin): Promise<boolean> {
    for (const name of await this.#list('oidc-spent/', { after: '', limit: SWEPT })) {
      if (Number(name.split('-', 1)[0]) > Date.now()) break;
      await this.#spent.delete(name);
    }
    return this.#spent.add(spentName(login), { spent: true });
  }

  async #key(): Promise<Buffer> {
    const kept = await this.#keys.get(KEY_NAME);
    if (kept !== undefined) return Buffer.from(kept.key, 'base64');
    await this.#keys.add(KEY_NAME, { key: randomBytes(32).toString('base64') });
    // Another node may have been quicker.
    const made = await this.#keys.getNow(KEY_NAME);
    return Buffer.from(made?.key ?? '', 'base64');
  }
}

/** Sorts by the time of its end. */
function spentName({ id, expires }: BegunLogin): string {
  return `${String(expires).padStart(13, '0')}-${id}`;
}

function secretsOf(key: Buffer, id: string): Pick<BegunLogin, 'nonce' | 'verifier'> {
  return { nonce: mac(key, 'nonce', id), verifier: mac(key, 'verifier', id) };
}

function mac(key: Buffer, purpose: string, text: string): string {
  return createHmac('sha256', key).update(`${purpose}:${text}`).digest('base64url');
}
