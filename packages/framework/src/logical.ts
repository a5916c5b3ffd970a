import type { JsonObject, Leaving } from '@coffer/base';

/** What a request asks of a path. `create` and `update` are both writes: which one depends on whether the thing exists. */
export type Operation = 'read' | 'create' | 'update' | 'delete' | 'list' | 'help';

/** Groups of paths that need a token unless the configuration opens them; the first two are Vault's names. */
export type UnauthenticatedAccess = 'rekey' | 'generate-root' | 'metrics' | 'in-flight-req';

/** A request as the edge hands it to the core: no HTTP in it. */
export interface IncomingRequest {
  readonly id: string;
  /** `update` for any write; the core turns it into `create` where nothing exists yet. */
  readonly operation: Exclude<Operation, 'create'>;
  /** Without `/v1/` and without leading slash, percent-decoded: `database/creds/my-role`. */
  readonly path: string;
  /** The token as the client sent it; empty when none was. */
  readonly token: string;
  /**
   * The parsed JSON body of a write, with exact numbers, or the query parameters of a read, list or delete (without `list` and
   * `help`).
   */
  readonly data: JsonObject;
  /** The body as it comes, for paths that take it raw; `data` is empty then. Whoever does not read it leaves it to the edge. */
  readonly body?: AsyncIterable<Uint8Array>;
  /** Empty for a Unix socket. Behind a proxy that the listener trusts, what the proxy says. */
  readonly remoteAddress: string;
  /** Of the connection; absent for a Unix socket. */
  readonly remotePort?: number;
  /**
   * The chain with which the client has proven itself in the TLS handshake, its own certificate first, in DER; nobody has checked
   * who issued it. Empty when the client has shown none, absent without TLS.
   */
  readonly clientCertificates?: readonly Uint8Array[];
  readonly headers?: SentHeaders;
  /** What the listener that the request came in on serves without a token, in spite of the default. */
  readonly unauthenticatedAccess?: readonly UnauthenticatedAccess[];
  /** How long to wrap the answer, in seconds; absent or 0 for an answer in the open. */
  readonly wrapTtl?: number;
  /** The longest that the client is kept waiting, in milliseconds. Default: 90 s, as in Vault. */
  readonly maxDurationMs?: number;
  /** Aborted when the client has gone. */
  readonly gone?: Leaving;
}

/** The headers of a request, without those that hold a token. */
export interface SentHeaders {
  /** The values as they came, of a name in lower case; undefined when it was not sent. */
  get(name: string): readonly string[] | undefined;
}

/** What is known of a request before its body. */
export type Caller = Pick<IncomingRequest, 'path' | 'token' | 'remoteAddress'>;

/** A body that is made while it is sent. */
export interface AnswerStream {
  /** As the header Content-Type says it. */
  readonly contentType: string;
  /** In bytes, where it is known before. */
  readonly contentLength?: number;
  /**
   * Nothing may be begun before the first chunk is asked for, since nobody may ever ask. The next is asked for when the client has
   * taken enough of those before. What fails before the first is an error with a status; later, the client is cut off. An empty
   * first one sends the headers at once. Whoever waits for something ends with `gone` of the request.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** What the core answers. The edge turns it into a body by `shape`. Errors are thrown as CofferError. */
export interface OutgoingResponse {
  /** Overrides 200 (with a body) and 204 (without). */
  readonly status?: number;
  /**
   * `envelope` (default): request_id, lease_id, renewable, lease_duration, data, wrap_info, warnings, auth.
   * `flat`: the envelope with the data's keys at the top level too, as sys/mounts and sys/capabilities answer.
   * `raw`: the data alone, as sys/seal-status, sys/health and sys/leader answer.
   */
  readonly shape?: 'envelope' | 'flat' | 'raw';
  readonly data?: JsonObject | null;
  readonly lease?: { readonly id: string; readonly durationSeconds: number; readonly renewable: boolean };
  readonly auth?: JsonObject;
  /** Of the token in `auth`: Vault's API does not show it, its audit lines do. */
  readonly displayName?: string;
  /** Whether the entity of that token was made by this login; for audit lines too. */
  readonly entityCreated?: boolean;
  /** Instead of everything else: where the answer can be fetched, once. */
  readonly wrapInfo?: JsonObject;
  /** Instead of everything else. Is never wrapped. */
  readonly stream?: AnswerStream;
  readonly warnings?: readonly string[];
}

/** Answers `undefined` for success without content (204). */
export type RequestHandler = (request: IncomingRequest) => Promise<OutgoingResponse | undefined>;
