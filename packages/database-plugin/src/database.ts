import type { JsonObject, Logger, Metrics, Secret } from '@coffer/base';
import type { ConnectionField } from './connection-fields.ts';

/** A kind of database, as its plugin declares it. */
export interface DatabaseKind {
  /** The fields of its configuration. What is declared secret here decides all that is hidden. */
  readonly fields: readonly ConnectionField[];
  /**
   * Refuses statements that can never run, such as one with an unknown placeholder, when they are written down. Absent: the
   * database says so when it runs them.
   *
   * @throws CofferError `invalid-request` with what is wrong, for whoever asks to put the field in front
   */
  readonly checkStatements?: (purpose: StatementPurpose, statements: readonly string[]) => void;
  /** A new database, not initialized. It need not keep secrets out of its errors and log lines: see `Redaction`. */
  readonly create: (logger: Logger, metrics?: Metrics) => Database;
}

/** What statements are for, as their fields are named. It decides which placeholders they may have. */
export type StatementPurpose = 'creation' | 'renew' | 'revocation' | 'rollback' | 'rotation';

/**
 * Vault's database plugin contract, version 5 (hashicorp/vault:sdk/database/dbplugin/v5/database.go), and extensions: the
 * engine may ask the plugin to name a user before it is made, so that a durable row can say what is about to happen (DESIGN
 * invariant 1), to end several logins together, whether a password logs in, to end what a dead process left at work, and which sessions of a deleted user may
 * go on; and the plugin may pass on what the database warned of. A foreign host never uses them, a foreign plugin has none.
 *
 * Every method rejects with a CofferError whose message is fit for a user. What was opened by `openDatabase`, served or
 * launched shows no password in it.
 */
export interface Database {
  /**
   * Checks the configuration and keeps it. Opens no connection unless `verifyConnection`.
   * Returns the configuration to store.
   */
  initialize(request: InitializeRequest): Promise<JsonObject>;
  /**
   * Makes a login and returns its name. When it rejects nothing is left behind, unless the code is `unavailable`: then
   * nobody knows, and the user must be deleted.
   */
  newUser(request: NewUserRequest): Promise<string>;
  /** Changes password, expiration or both. */
  updateUser(request: UpdateUserRequest): Promise<void>;
  /** Ends a login. Succeeds when the user did not exist. */
  deleteUser(request: DeleteUserRequest): Promise<void>;
  /**
   * Extension: ends logins that can be dropped together, without statements of their own. Resolves with the names of those that are
   * gone, with all of their sessions; each of the others, or all where it rejects, is for {@link deleteUser}, which says what is wrong
   * with it.
   */
  deleteUsers?(usernames: readonly string[]): Promise<readonly string[]>;
  /** The database's type, `yugabyte` for YSQL. */
  type(): Promise<string>;
  /** Closes every connection. Idempotent. */
  close(): Promise<void>;
  /**
   * Extension: the name that `newUser` would give, made from the configuration's username template.
   * Absent or resolving to undefined when the plugin on the other side does not have the extension.
   */
  nameUser?(usernameConfig: UsernameConfig): Promise<string | undefined>;
  /**
   * Extension: logs in as `username` and says what the server made of the password, so that a rotation whose outcome is
   * unknown can be settled. Absent or resolving to undefined when the plugin does not have the extension. Rejects when
   * the server gave no answer about the password (nobody there, or the login is refused for another reason).
   */
  verifyUser?(username: string, password: Secret): Promise<LoginAnswer | undefined>;
  /**
   * Extension: the mark that every session bears which this process opens to run `statements`. Undefined where they may hide
   * it, or where the plugin does not have the extension.
   */
  sessionMark?(statements: readonly string[]): Promise<string | undefined>;
  /**
   * Extension: ends the sessions that bear the mark of a process that is dead, on every node. True: none is left, so nothing
   * of that process can take effect any more. False or undefined: that could not be found out.
   */
  endMarkedSessions?(mark: string): Promise<boolean | undefined>;
  /**
   * Extension: the nodes on which sessions of a deleted user may go on, since they could not be asked or a session does not end
   * when told to. They are asked again; empty once that is over, or given up. Undefined without the extension.
   */
  owedSessions?(username: string): Promise<readonly string[] | undefined>;
}

/**
 * `accepted`: the server asked for a password and took this one. `refused`: it did not take it, or there is no such user.
 * `trusted`: it let the user in without asking, so it says nothing about the password.
 */
export type LoginAnswer = 'accepted' | 'refused' | 'trusted';

export interface InitializeRequest {
  readonly config: JsonObject;
  readonly verifyConnection: boolean;
}

/** What a username is made from. */
export interface UsernameConfig {
  readonly displayName: string;
  readonly roleName: string;
}

export interface NewUserRequest {
  readonly usernameConfig: UsernameConfig;
  /** Extension: the name to use, from {@link Database.nameUser}. Without it the plugin makes one. */
  readonly username?: string;
  readonly password: Secret;
  readonly expiration: Date;
  /** Creation statements, as the user wrote them. */
  readonly statements: readonly string[];
  readonly rollbackStatements: readonly string[];
  readonly warn?: Warn;
}

/**
 * Extension: gets what the database warned of while it did what was asked, such as a grant that granted nothing. The plugin
 * logs it as well.
 */
export type Warn = (warning: string) => void;

export interface UpdateUserRequest {
  readonly username: string;
  readonly password?: { readonly newPassword: Secret; readonly statements: readonly string[] };
  readonly expiration?: { readonly newExpiration: Date; readonly statements: readonly string[] };
  readonly warn?: Warn;
}

export interface DeleteUserRequest {
  readonly username: string;
  /** Revocation statements; empty for the plugin's own way. */
  readonly statements: readonly string[];
}
