import type { EntryStorage } from '@coffer/core';

/** What a token role allows and fixes. Durations in seconds, 0 for "not set here". */
export interface TokenRole {
  readonly allowedPolicies: readonly string[];
  readonly disallowedPolicies: readonly string[];
  /** With `*` for any text. */
  readonly allowedPoliciesGlob: readonly string[];
  readonly disallowedPoliciesGlob: readonly string[];
  readonly orphan: boolean;
  readonly renewable: boolean;
  /** Behind the path of its tokens, so that they can be told apart; empty for none. */
  readonly pathSuffix: string;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly noDefaultPolicy: boolean;
  readonly boundCidrs: readonly string[];
}

export const NEW_TOKEN_ROLE: TokenRole = {
  allowedPolicies: [],
  disallowedPolicies: [],
  allowedPoliciesGlob: [],
  disallowedPoliciesGlob: [],
  orphan: false,
  renewable: true,
  pathSuffix: '',
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  noDefaultPolicy: false,
  boundCidrs: [],
};

export async function readTokenRole(storage: EntryStorage, name: string): Promise<TokenRole | undefined> {
  return (await storage.get(`roles/${name}`)) as TokenRole | undefined;
}
