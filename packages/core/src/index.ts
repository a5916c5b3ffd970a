/** The core: barrier and seal, mounts and router, policies, tokens, leases, plugin catalog. Knows no HTTP and no SQL dialect. */
export { Barrier } from './barrier/barrier.ts';
export { createKeyring, type Keyring } from './barrier/keyring.ts';
export { Core, type CoreOptions, type CoreServices, createCore } from './core.ts';
export type { Leases, RenewedLease } from './leases/leases.ts';
export type { MountTable } from './mounts/mount-table.ts';
export { type Acl, createAcl, ROOT_ACL } from './policies/acl.ts';
export type { PasswordPolicies } from './policies/password-policies.ts';
export { generatePassword, type PasswordPolicy, parsePasswordPolicy } from './policies/password-policy.ts';
export type { PolicyStore } from './policies/policies.ts';
export { type PathRule, parsePolicy } from './policies/policy.ts';
export type { ClusterIdentity } from './seal/cluster-identity.ts';
export type { KeyRotationConfig, KeyStatus } from './seal/key-rotation.ts';
export { parseShare, type ShareCounts, withShare } from './seal/key-shares.ts';
export type * from './seal/seal-control.ts';
export { type OpenParts, SealableCore, type SealableCoreOptions } from './seal/sealable-core.ts';
export { parseStaticKey, type StaticKey, type StaticSeal, wipeStaticSeal } from './seal/static-seal.ts';
export { createRootToken } from './tokens/root-token.ts';
export type { WrappedAnswer, Wrapping } from './tokens/wrapping.ts';
