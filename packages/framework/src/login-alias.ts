/** A name that an auth method gives to someone, by which identities know them (hashicorp/vault:sdk/logical/identity.proto Alias). */
export interface LoginAlias {
  /** Unique within the mount: a user's name, a role's id, a service account's uid. */
  readonly name: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Names of the groups that the method says they are in: aliases of external groups. */
  readonly groups?: readonly string[];
}
