import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs, CofferError, isCofferError, type JsonObject } from '@coffer/base';
import { ApiError, type Client } from '@coffer/client';

/** How many times something is tried that a server or the network puts off. */
const ATTEMPTS = 5;
const BACKOFF = { firstMs: 250, longestMs: 4_000 };
const PAGE = 1_000;
/** More names below one path than anybody has; a server that goes on beyond it is no Vault. */
const MOST_KEYS = 100_000;
/** The longest answer that is read, in bytes. */
export const MOST_BYTES = 32 * 1024 * 1024;

/** One of the two servers. Errors say which, and the path. */
export class Side {
  /** `source` or `target`. */
  readonly name: string;
  readonly address: string;
  readonly #client: Client;

  constructor(name: 'source' | 'target', client: Client) {
    this.name = name;
    this.address = client.options.address;
    // What a wrapped answer holds would be read by nobody, and what is written again is looked at first.
    this.#client = client.with({ maxResponseBytes: MOST_BYTES, wrapTtl: undefined, retries: 0 });
  }

  /** The data at a path; undefined when nothing is there. */
  async read(path: string): Promise<JsonObject | undefined> {
    const answer = await this.#retrying(`read ${path}`, () => this.#client.read(path));
    return answer?.data ?? undefined;
  }

  /** The names below a path, page by page where the server has pages (OpenBao, Coffer), at once where it has none (Vault). */
  async list(path: string): Promise<string[]> {
    const keys = new Set<string>();
    for (let after = ''; ; ) {
      const query = { limit: String(PAGE), ...(after !== '' && { after }) };
      const answer = await this.#retrying(`list ${path}`, () => this.#client.list(path, query));
      const found = answer?.data?.['keys'];
      const page = Array.isArray(found) ? found.filter((key: unknown) => typeof key === 'string') : [];
      const before = keys.size;
      for (const key of page) keys.add(key);
      if (keys.size > MOST_KEYS)
        throw this.#failed(`list ${path}`, new CofferError('failed', 'there are too many names'));
      // A page that brings nothing new, or is longer than asked for: the server does not know of pages.
      if (page.length !== PAGE || keys.size === before) return [...keys];
      after = page.at(-1) ?? '';
    }
  }

  /** Once: whoever writes finds out first what came of the attempt before. */
  async write(path: string, body: JsonObject): Promise<void> {
    try {
      await this.#client.write(path, body);
    } catch (thrown) {
      throw this.#failed(`write ${path}`, thrown);
    }
  }

  async #retrying<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      try {
        return await work();
      } catch (thrown) {
        const error = this.#failed(what, thrown);
        if (!(await mayTryAgain(error, failures))) throw error;
      }
    }
  }

  #failed(what: string, thrown: unknown): CofferError {
    const { code } = CofferError.from(thrown);
    return new CofferError(code, `cannot ${what} (${this.name} ${this.address}): ${reason(thrown)}`, { cause: thrown });
  }
}

/** Waits when trying again may help; false when it does not, or has been tried often enough. */
export async function mayTryAgain(error: unknown, failures: number): Promise<boolean> {
  if (!isPassing(error) || failures >= ATTEMPTS) return false;
  await sleep(backoffMs(BACKOFF, failures));
  return true;
}

/** Nothing is wrong with what was asked: the server is away, sealed or busy. */
export function endsTheMove(error: unknown): boolean {
  return isPassing(error) || isCofferError(error, 'sealed');
}

function isPassing(error: unknown): boolean {
  return isCofferError(error, 'unavailable') || isCofferError(error, 'too-many-requests');
}

/** On one line. */
function reason(thrown: unknown): string {
  const text =
    thrown instanceof ApiError ? `${thrown.status} ${thrown.errors.join('; ')}` : CofferError.from(thrown).message;
  return text.replace(/\s+/g, ' ').trim();
}
