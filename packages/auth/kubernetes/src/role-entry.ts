import type { JsonObject } from '@coffer/base';
import {
  type Entries,
  type EntryStorage,
  NEW_TOKEN_PARAMETERS,
  STORED_TOKEN_PARAMETERS,
  stored,
  type TokenParameters,
  tokenParametersView,
} from '@coffer/framework';

export const ALIAS_NAME_SOURCES = ['serviceaccount_uid', 'serviceaccount_name'] as const;

/** Which service accounts log in, and what they become. */
export interface RoleEntry {
  /** With `*` for any text, each. */
  readonly names: readonly string[];
  readonly namespaces: readonly string[];
  /** Empty for any. */
  readonly audience: string;
  readonly aliasNameSource: (typeof ALIAS_NAME_SOURCES)[number];
  readonly token: TokenParameters;
}

const { entry, oneOf, string, strings } = stored;
const ROLE = entry<RoleEntry>({
  names: strings(),
  namespaces: strings(),
  audience: string(),
  aliasNameSource: oneOf(ALIAS_NAME_SOURCES),
  token: STORED_TOKEN_PARAMETERS,
});

export const NEW_ROLE: RoleEntry = {
  names: [],
  namespaces: [],
  audience: '',
  aliasNameSource: 'serviceaccount_uid',
  token: NEW_TOKEN_PARAMETERS,
};

/** By name, which the paths fold. */
export function rolesOf(storage: EntryStorage): Entries<RoleEntry> {
  return storage.kept('role/', ROLE);
}

export function roleView(role: RoleEntry): JsonObject {
  return {
    alias_name_source: role.aliasNameSource,
    ...(role.audience !== '' && { audience: role.audience }),
    bound_service_account_names: role.names,
    bound_service_account_namespace_selector: '',
    bound_service_account_namespaces: role.namespaces,
    ...tokenParametersView(role.token),
  };
}
