import type { IncomingRequest, Mount, Operation, OutgoingResponse, TokenEntry } from '@coffer/framework';

/** A request as far as it has come: what both of its lines say. */
export interface AuditedRequest {
  readonly request: IncomingRequest;
  /** With `create` told from `update`. */
  readonly operation: Operation;
  /** Where it leads; absent where nothing is mounted. */
  readonly mount?: Mount;
  /** Whose it is; absent without a token, and for one that is not valid. */
  readonly token?: TokenEntry;
  /** What the entity that the token stands for adds to its own policies. */
  readonly identityPolicies?: readonly string[];
  /** What the policies said; absent where they were not asked, since the token is not valid. */
  readonly verdict?: Verdict;
  /** Why it is refused before anything is done. */
  readonly error?: string;
}

export interface Verdict {
  readonly allowed: boolean;
  /** The policies whose rules allow it. */
  readonly grantingPolicies: readonly string[];
}

export interface AuditedResponse {
  /** Absent for an error, and for an answer without content. */
  readonly answer?: OutgoingResponse;
  /** What kind of error it is, in the open. */
  readonly error?: string;
  /** What the client is told, which may repeat what it sent. */
  readonly errorText?: string;
}

/** How a device writes. */
export interface LineFormat {
  /** Before each line. */
  readonly prefix: string;
  /** Secrets in the open. */
  readonly logRaw: boolean;
  readonly hmacAccessor: boolean;
  readonly elideListResponses: boolean;
}
