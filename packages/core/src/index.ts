/** The core: barrier, mounts and router, policies, tokens, leases, plugin catalog. Knows no HTTP and no SQL dialect. */
export { type Acl, createAcl, ROOT_ACL } from './acl.ts';
export { callerNetwork, cidrsAllow, cidrsWithin, commonCidrs, parseCidrs } from './cidr.ts';
export { Barrier } from './barrier.ts';
export { type Condition, validToken } from './condition.ts';
export { Core, type CoreOptions, type CoreServices, createCore } from './core.ts';
export { DueLoop, type DueLoopOptions, type DueWork } from './due-loop.ts';
export type { Engine, EngineContext, EngineFactory } from './engine.ts';
export type { EntryStorage } from './entry-storage.ts';
export {
  type Field,
  type FieldSchema,
  type FieldType,
  type FieldValues,
  parseFields,
  unknownFieldMessage,
} from './fields.ts';
export type { ClaimedIntent, Intent, IntentChange, Intents, NewIntent } from './intents.ts';
export type { KeyRotationConfig } from './key-rotation.ts';
export { globMatches } from './glob.ts';
export { createKeyring, type Keyring } from './keyring.ts';
export { parseShare, type ShareCounts, withShare } from './key-shares.ts';
export type { Lease, LeaseState } from './lease.ts';
export { LIST_FIELDS, type ListPage } from './list-page.ts';
export type { LeaseIntent, LeaseIssuer, OpenIntent } from './lease-issuer.ts';
export type { Leases, RenewedLease } from './leases.ts';
export type * from './logical.ts';
export { loggedLogin } from './logged-login.ts';
export {
  authView,
  grantLoginRenewal,
  issueLoginToken,
  type Login,
  loginCidrs,
  loginPolicies,
} from './login.ts';
export { type Mount, type MountConfig, normalizeMountPath } from './mount.ts';
export type { MountTable } from './mount-table.ts';
export { multiError } from './multi-error.ts';
export { checkNames, cleanDisplayName, foldName, MAX_NAME_LENGTH, MAX_NAMES, MAX_PATH_LENGTH } from './names.ts';
export type { PasswordPolicies } from './password-policies.ts';
export { generatePassword, type PasswordPolicy, parsePasswordPolicy } from './password-policy.ts';
export { definePath, type Path, type PathRequest, type PathResponse } from './path.ts';
export {
  type BuiltinPlugin,
  checkPluginCommand,
  type PluginCatalog,
  type PluginEntry,
  type PluginType,
  parsePluginType,
} from './plugin-catalog.ts';
export type { PolicyStore } from './policies.ts';
export { type PathRule, parsePolicy } from './policy.ts';
export { type OpenParts, SealableCore, type SealableCoreOptions } from './sealable-core.ts';
export type * from './seal-control.ts';
export { parseStaticKey, type StaticKey, type StaticSeal, wipeStaticSeal } from './static-seal.ts';
export { createRootToken } from './root-token.ts';
export { DEFAULT_POLICY, ROOT_POLICY, type TokenEntry } from './token-entry.ts';
export {
  changeTokenParameters,
  checkPolicies,
  NEW_TOKEN_PARAMETERS,
  TOKEN_FIELDS,
  type TokenParameters,
  tokenParametersView,
} from './token-parameters.ts';
export type { NewToken, TokenStore } from './tokens.ts';
export { grantTtl, SYSTEM_TTL, type TtlAnswer, type TtlLimits } from './ttl.ts';
export type { WrappedAnswer, Wrapping } from './wrapping.ts';
