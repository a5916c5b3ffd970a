/** What the core knows of a token, without the token itself. Times are milliseconds since 1970, TTLs seconds. */
export interface TokenEntry {
  /** HMAC of the token: the row's name. */
  readonly id: string;
  readonly accessor: string;
  /** The parent's id; empty for an orphan. */
  readonly parent: string;
  readonly displayName: string;
  readonly policies: readonly string[];
  readonly path: string;
  readonly meta: Readonly<Record<string, string>> | null;
  readonly creationTime: number;
  /** 0 when it never expires. */
  readonly creationTtl: number;
  readonly expireTime: number | null;
  readonly lastRenewal: number | null;
  readonly explicitMaxTtl: number;
  /** 0 when it is not periodic. */
  readonly period: number;
  /** As created; 0 for no limit. */
  readonly numUses: number;
  /** Uses left, the one under way included; 0 for no limit. */
  readonly usesLeft: number;
  readonly renewable: boolean;
  /** A batch token is nowhere at rest: it holds all of this itself, sealed. It has no accessor, and is not counted, renewed or revoked. */
  readonly type: 'service' | 'batch';
  /** Whom it stands for, besides what it may do itself. */
  readonly entityId?: string;
  /** Of a batch token from a login: the accessor of the mount, with which it ends. */
  readonly issuer?: string;
  /** The token role it was made with. */
  readonly role?: string;
  /** Networks it may be used from; any when absent. */
  readonly boundCidrs?: readonly string[];
}

/** The token that asks for a lease; by default a service token. */
export type LeaseHolder = Pick<TokenEntry, 'id' | 'usesLeft'> &
  Partial<Pick<TokenEntry, 'type' | 'parent' | 'expireTime'>>;

export const ROOT_POLICY = 'root';
export const DEFAULT_POLICY = 'default';
/** Only wrapping tokens have it. */
export const WRAPPING_POLICY = 'response-wrapping';
/** Built in, shown in no list, and assigned by nobody but the server itself. */
export const UNASSIGNABLE_POLICIES: readonly string[] = [WRAPPING_POLICY, 'control-group'];

/** Vault's form for batch tokens; what follows is what the barrier has sealed. */
export const BATCH_TOKEN_PREFIX = 'hvb.';

export function isBatchToken(token: string): boolean {
  return token.startsWith(BATCH_TOKEN_PREFIX);
}
