import { CofferError } from '@coffer/base';
import {
  type ClaimedIntent,
  type Condition,
  type Entries,
  type EntryStorage,
  type Intent,
  type ListPage,
  stored,
} from '@coffer/framework';

/** A static role, as stored: one login that exists already, whose password is changed in time. Durations: seconds. */
export interface StaticRoleEntry {
  readonly dbName: string;
  readonly username: string;
  readonly rotationStatements: readonly string[];
  /** 0 with an empty schedule: rotated by rotate-role only. */
  readonly rotationPeriod: number;
  /** Five cron fields, in UTC; empty for none. */
  readonly rotationSchedule: string;
  /** How long after a scheduled time a rotation may still begin; 0: until it has succeeded. */
  readonly rotationWindow: number;
  /** Overrides that of the connection; empty to use it. */
  readonly passwordPolicy: string;
}

/** The role's password. It is in the role's intent row, so that one write makes a new one valid and ends the intent. */
export interface StaticCredential {
  /** The password that logs in unless a change is open; empty when it was never known. */
  readonly password: string;
  /** The password that an open change sets; empty when none is chosen. */
  readonly pending: string;
  /** When it was last changed, by us or by the server that it was taken over from, in milliseconds since 1970; 0: not known. */
  readonly lastRotation: number;
  /** When the period began: at the last change, or at the import where that is not known. */
  readonly periodStart: number;
  /** Until when an earlier attempt may still take effect (claimed-intent.ts). */
  readonly mayLandUntil?: number;
  /** Until when a silent node may still set this password (claimed-intent.ts). */
  readonly silentUntil?: number;
  /** Who is at an open change (dead-rotation.ts). */
  readonly sessionMark?: string;
}

const PREFIX = 'static-roles/';

const { entry, integer, optional, string, strings } = stored;
const ROLE = entry<StaticRoleEntry>({
  dbName: string(),
  username: string(),
  rotationStatements: strings(),
  rotationPeriod: integer(),
  rotationSchedule: string(),
  rotationWindow: integer(),
  passwordPolicy: string(''),
});
const CREDENTIAL = entry<StaticCredential>({
  password: string(),
  pending: string(),
  lastRotation: integer(),
  periodStart: integer(),
  mayLandUntil: optional(integer()),
  silentUntil: optional(integer()),
  sessionMark: optional(string()),
});

function rolesOf(storage: EntryStorage): Entries<StaticRoleEntry> {
  return storage.kept(PREFIX, ROLE);
}

export async function readStaticRole(storage: EntryStorage, name: string): Promise<StaticRoleEntry | undefined> {
  return rolesOf(storage).get(name);
}

/** As {@link readStaticRole}, from the store in any case: for whoever has waited, or holds the claim on its login. */
export async function readStaticRoleNow(storage: EntryStorage, name: string): Promise<StaticRoleEntry | undefined> {
  return rolesOf(storage).getNow(name);
}

/** That there is a role, as it is now; undefined when there is none. */
export async function staticRoleAsItIs(storage: EntryStorage, name: string): Promise<Condition | undefined> {
  return (await rolesOf(storage).read(name))?.unchanged;
}

/** `claimed`: its intent. @throws CofferError `unavailable` when the claim was lost */
export async function writeStaticRole(
  storage: EntryStorage,
  name: string,
  role: StaticRoleEntry,
  { held, lost }: ClaimedIntent,
): Promise<void> {
  if (!(await rolesOf(storage).replaceWhile(name, role, [held]))) throw lost();
}

/** Deletes a role while the condition holds: that its intent is claimed, or that nobody has written it since. */
export async function deleteStaticRole(storage: EntryStorage, name: string, condition: Condition): Promise<void> {
  await rolesOf(storage).deleteWhile(name, [condition]);
}

export function listStaticRoles(storage: EntryStorage, page: ListPage): Promise<string[]> {
  return storage.list(PREFIX, page);
}

/** The intent row of a static role. */
export const STATIC_SUBJECT = 'static/';
export function staticSubject(name: string): string {
  return STATIC_SUBJECT + name;
}

/** What identifies the login of a static role. */
export function loginOf(dbName: string, username: string): string {
  return `user:${dbName}/${username}`;
}

/** @throws CofferError `failed` naming the intent's row when it is damaged */
export function credentialOf({ value, row }: Intent): StaticCredential {
  return CREDENTIAL(value, row);
}

/** Policies and allowed_roles know roles by name alone, so a name means one thing, as in Vault. */
export function nameTaken(): CofferError {
  return new CofferError('invalid-request', 'Role and Static Role names must be unique');
}
