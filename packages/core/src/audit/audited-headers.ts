import { CofferError } from '@coffer/base';
import { checkNames, type EntryStorage, stored } from '@coffer/framework';

interface HeaderEntry {
  readonly hmac: boolean;
}

/** Request headers that audit lines show, by name in lower case (openbao/openbao:internal/vault/audited_headers.go). */
export class AuditedHeaders {
  readonly #storage: EntryStorage;
  #known: ReadonlyMap<string, HeaderEntry> = new Map();

  constructor(storage: EntryStorage) {
    this.#storage = storage;
  }

  get all(): ReadonlyMap<string, HeaderEntry> {
    return this.#known;
  }

  /** Reads them again. */
  async load(): Promise<void> {
    const entries = this.#entries();
    const found = new Map<string, HeaderEntry>();
    for (const name of await this.#storage.list(PREFIX)) {
      const entry = await entries.getNow(name);
      if (entry !== undefined) found.set(name, entry);
    }
    this.#known = found;
  }

  /** @throws CofferError `invalid-request` for one that holds a token, and for too many */
  async set(given: string, hmac: boolean): Promise<void> {
    const name = given.toLowerCase();
    if (HIDDEN_HEADERS.has(name)) {
      throw new CofferError('invalid-request', `the header ${name} is never logged: it contains a token`);
    }
    checkNames([...this.#known.keys(), name], 'header', MOST_HEADERS);
    await this.#entries().put(name, { hmac });
  }

  async remove(given: string): Promise<void> {
    await this.#entries().delete(given.toLowerCase());
  }

  #entries() {
    return this.#storage.kept(PREFIX, HEADER);
  }
}

const HEADER = stored.entry<HeaderEntry>({ hmac: stored.boolean() });
const PREFIX = 'headers/';
const MOST_HEADERS = 100;
/** The edge does not even pass them on. */
const HIDDEN_HEADERS: ReadonlySet<string> = new Set([
  'x-vault-token',
  'authorization',
  'proxy-authorization',
  'cookie',
]);
