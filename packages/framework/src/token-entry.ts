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
  readonly type: 'service';
  /** The token role it was made with. */
  readonly role?: string;
  /** Networks it may be used from; any when absent. */
  readonly boundCidrs?: readonly string[];
}

export const ROOT_POLICY = 'root';
export const DEFAULT_POLICY = 'default';
/** Only wrapping tokens have it. */
export const WRAPPING_POLICY = 'response-wrapping';
/** Built in, shown in no list, and assigned by nobody but the server itself. */
export const UNASSIGNABLE_POLICIES: readonly string[] = [WRAPPING_POLICY, 'control-group'];
