import { CofferError, formatTime, type Logger } from '@coffer/base';
import {
  type Condition,
  stillValid,
  validToken,
  type OutgoingResponse,
  type TokenEntry,
  WRAPPING_POLICY,
  type EntryStorage,
  stored,
  type TokenStore,
} from '@coffer/framework';
import type { Leases } from '../leases/leases.ts';

/** What is known of a wrapped answer without unwrapping it. */
export interface WrappedAnswer {
  /** The path that was asked: `database/creds/my-role`. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly creationTime: number;
  /** Seconds, as asked for. */
  readonly ttl: number;
}

interface WrappedEntry extends WrappedAnswer {
  readonly response: Omit<OutgoingResponse, 'stream' | 'displayName' | 'entityCreated'>;
}

const { boolean, entry, integer, nullable, object, oneOf, optional, string, strings } = stored;
const WRAPPED = entry<WrappedEntry>({
  path: string(),
  creationTime: integer(),
  ttl: integer(),
  response: entry<WrappedEntry['response']>({
    status: optional(integer()),
    shape: optional(oneOf(['envelope', 'flat', 'raw'])),
    data: optional(nullable(object())),
    lease: optional(entry({ id: string(), durationSeconds: integer(), renewable: boolean() })),
    auth: optional(object()),
    wrapInfo: optional(object()),
    warnings: optional(strings()),
  }),
});

export const NO_WRAPPING_TOKEN = 'wrapping token is not valid or does not exist';

/**
 * Response wrapping: an answer is kept sealed, and whoever asked gets a token that gives it out once
 * (hashicorp/vault:vault/wrapping.go). What the answer stands for, a lease or a token, stays as it was issued: unwrapping
 * changes neither its owner nor its end.
 */
export interface Wrapping {
  /**
   * Keeps `response` for `ttl` seconds. If that fails, because the calling token is no longer valid for instance, what the answer
   * would have handed out is revoked.
   */
  wrap(response: OutgoingResponse, path: string, ttl: number, caller?: TokenEntry): Promise<OutgoingResponse>;
  /** Returns the answer and ends the token: of several concurrent callers only one gets it. @throws CofferError `invalid-request` */
  unwrap(token: string): Promise<OutgoingResponse>;
  /** @throws CofferError `invalid-request` for anything but a wrapping token */
  lookup(token: string): Promise<WrappedAnswer>;
  /** Moves the answer to a new token with a fresh TTL, and ends the old one. @throws CofferError `invalid-request` */
  rewrap(token: string): Promise<OutgoingResponse>;
  /** Revokes what an answer that reaches nobody would have handed out: a lease, a token, or a wrapped answer with its content. */
  takeBack(response: OutgoingResponse): Promise<void>;
}

export interface WrappingOptions {
  /** Its entries are named by the token's id and go with the token. */
  readonly storage: EntryStorage;
  readonly tokens: TokenStore;
  readonly leases: Leases;
  readonly logger: Logger;
}

export function createWrapping({ storage, tokens, leases, logger }: WrappingOptions): Wrapping {
  const answers = storage.of('', WRAPPED);
  const find = async (token: string): Promise<TokenEntry> => {
    const entry = token === '' ? undefined : await tokens.lookup(token);
    if (entry?.policies.includes(WRAPPING_POLICY) !== true) throw noWrappingToken();
    return entry;
  };
  const take = async (token: string): Promise<WrappedEntry> => {
    const { id } = await find(token);
    // Taking the entry decides between callers; the token only has to be cleared away.
    const taken = await answers.take(id);
    if (taken === undefined) throw noWrappingToken();
    await tokens.revoke(id);
    return taken;
  };
  const keep = async (
    response: OutgoingResponse,
    path: string,
    ttl: number,
    provided: readonly Condition[],
  ): Promise<{ id: string; answer: OutgoingResponse }> => {
    const creationTime = Date.now();
    const { token, entry } = await tokens.create({
      parent: '',
      displayName: '',
      policies: [WRAPPING_POLICY],
      path,
      meta: null,
      creationTime,
      creationTtl: ttl,
      expireTime: creationTime + ttl * 1000,
      explicitMaxTtl: ttl,
      period: 0,
      numUses: 0,
      renewable: false,
      provided,
    });
    // The entry goes with the token: one that was revoked meanwhile gets none, which nothing would take away again.
    const wrappedEntry = { path, creationTime, ttl, response };
    if (!(await answers.putWhile(entry.id, wrappedEntry, [validToken(entry.id)]))) throw noWrappingToken();
    const wrapped = wrappedAccessor(response, path);
    const wrapInfo = {
      token: token.reveal(),
      accessor: entry.accessor,
      ttl,
      creation_time: formatTime(creationTime),
      creation_path: path,
      ...(typeof wrapped === 'string' && { wrapped_accessor: wrapped }),
    };
    return { id: entry.id, answer: { wrapInfo } };
  };
  const takeBack = async ({ lease, auth, wrapInfo }: OutgoingResponse): Promise<void> => {
    const wrapped = wrapInfo?.['token'];
    if (typeof wrapped === 'string') await takeBack((await take(wrapped)).response);
    if (lease !== undefined) await leases.revokeLater(lease.id);
    const accessor = auth?.['accessor'];
    const entry = typeof accessor === 'string' ? await tokens.byAccessor(accessor) : undefined;
    if (entry !== undefined) await tokens.revoke(entry.id);
  };

  return {
    async wrap(response, path, ttl, caller) {
      try {
        return (await keep(response, path, ttl, caller === undefined ? [] : stillValid(caller))).answer;
      } catch (error) {
        logger.error('failed to wrap a response: revoking what it holds', {
          path,
          lease_id: response.lease?.id,
        });
        await takeBack(response);
        throw error;
      }
    },
    unwrap: async (token) => (await take(token)).response,
    async lookup(token) {
      const { path, creationTime, creationTtl } = await find(token);
      return { path, creationTime, ttl: creationTtl };
    },
    async rewrap(token) {
      const { id } = await find(token);
      const found = await answers.get(id);
      if (found === undefined) throw noWrappingToken();
      const { response, path, ttl } = found;
      const moved = await keep(response, path, ttl, [storage.there(id)]);
      // As above: who takes the old entry has moved it. When it was unwrapped or revoked meanwhile, that was first.
      const taken = await answers.take(id);
      await tokens.revoke(taken === undefined ? moved.id : id);
      if (taken === undefined) throw noWrappingToken();
      return moved.answer;
    },
    takeBack,
  };
}

/** Of the token in an answer, or of approle's secret id, so that whoever wrapped it can take it back. */
function wrappedAccessor({ auth, data }: OutgoingResponse, path: string): unknown {
  if (auth !== undefined) return auth['accessor'];
  return path.startsWith('auth/') ? data?.['secret_id_accessor'] : undefined;
}

function noWrappingToken(): CofferError {
  return new CofferError('invalid-request', NO_WRAPPING_TOKEN);
}
