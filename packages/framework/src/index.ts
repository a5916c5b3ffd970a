/** What plugs into the core sees: paths, fields, requests, engines, leases, storage and tokens, as contracts. Keeps nothing itself. */
export {
  parseCidrs,
  checkCidrs,
  canonicalCidrs,
  shownCidrs,
  cidrsAllow,
  cidrsWithin,
  commonCidrs,
  callerNetwork,
} from './cidr.ts';
export { type Condition, stillValid, validToken } from './condition.ts';
export type { Cubbyhole, Cubbyholes } from './cubbyhole.ts';
export { type DueWork, type DueLoopOptions, DueLoop } from './due-loop.ts';
export type { Engine, EngineContext, EngineFactory, EngineMessage } from './engine.ts';
export type { Entries, EntryStorage } from './entry-storage.ts';
export {
  type FieldType,
  type Field,
  type FieldSchema,
  type FieldValues,
  parseFields,
  listNames,
  unknownFields,
} from './fields.ts';
export { globMatches } from './glob.ts';
export type { InFlightRequest } from './in-flight.ts';
export {
  INTENT_STATES,
  type IntentState,
  type Intent,
  type NewIntent,
  type IntentChange,
  type ClaimedIntent,
  type Intents,
} from './intents.ts';
export type { NewLease, CreatingLease, LeaseIssuer } from './lease-issuer.ts';
export { LEASE_STATES, type LeaseState, type Lease } from './lease.ts';
export { LIST_FIELDS, type ListPage, WHOLE_LIST, rowLimit } from './list-page.ts';
export { loggedLogin } from './logged-login.ts';
export { LoginGuard } from './login-guard.ts';
export {
  DEFAULT_USER_LOCKOUT,
  isLockedOut,
  STRANGER_FAILURES,
  strangerOf,
  LOCKOUT_METHODS,
  LOGIN_FAILURES,
  type LoginFailures,
  type UserLockout,
} from './user-lockout.ts';
export type {
  Operation,
  UnauthenticatedAccess,
  IncomingRequest,
  Caller,
  AnswerStream,
  OutgoingResponse,
  RequestHandler,
  SentHeaders,
} from './logical.ts';
export type { LoginAlias } from './login-alias.ts';
export {
  type AuthOfToken,
  type Login,
  issueLoginToken,
  grantLoginRenewal,
  renewByRole,
  loginPolicies,
  checkLoginAddress,
  loginCidrs,
  authView,
} from './login.ts';
export {
  LISTING_VISIBILITIES,
  type ListingVisibility,
  type Mount,
  MOUNT_TOKEN_TYPES,
  type MountConfig,
  normalizeMountPath,
} from './mount.ts';
export { multiError } from './multi-error.ts';
export {
  MAX_NAME_LENGTH,
  MAX_PATH_LENGTH,
  MAX_NAMES,
  foldName,
  loggedName,
  policyName,
  checkNames,
  cleanDisplayName,
} from './names.ts';
export {
  type PathRequest,
  type PathParams,
  type PathResponse,
  type Path,
  type RawPathRequest,
  definePath,
  findPath,
  needsSudo,
} from './path.ts';
export {
  PLUGIN_TYPES,
  type PluginType,
  type PluginEntry,
  type BuiltinPlugin,
  type PluginCatalog,
  type PluginPin,
  type PluginPins,
  isRegistered,
  versionMismatch,
  parsePluginType,
  checkPluginEntry,
  checkPluginCommand,
} from './plugin-catalog.ts';
export {
  canonicalPluginVersion,
  comparePluginVersions,
  isBuiltinPluginVersion,
  isSamePluginVersion,
} from './plugin-version.ts';
export { type RoleKind, pathsOfRoles } from './role-paths.ts';
export { formerEntry } from './former-entry.ts';
export * as stored from './stored.ts';
export {
  BATCH_TOKEN_PREFIX,
  isBatchToken,
  type TokenEntry,
  ROOT_POLICY,
  DEFAULT_POLICY,
  WRAPPING_POLICY,
  UNASSIGNABLE_POLICIES,
} from './token-entry.ts';
export {
  TOKEN_FIELDS,
  OLDER_TOKEN_FIELDS,
  type TokenParameters,
  NEW_TOKEN_PARAMETERS,
  STORED_TOKEN_PARAMETERS,
  changeTokenParameters,
  checkPolicies,
  tokenParametersView,
} from './token-parameters.ts';
export { checkTokenLimits } from './token-limits.ts';
export { type Arrival, type CreatedToken, invalidAccessor, type NewToken, type TokenStore } from './token-store.ts';
export {
  type TtlLimits,
  SYSTEM_TTL,
  type TtlQuestion,
  type TtlAnswer,
  grantTtl,
  secondsLeft,
  untilTime,
} from './ttl.ts';
