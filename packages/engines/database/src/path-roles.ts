import { CofferError } from '@coffer/base';
import { definePath, type EntryStorage, type Path } from '@coffer/framework';
import type { EngineParts } from './engine-parts.ts';
import { CREDENTIAL_FIELDS, credentialView, passwordPolicyOf } from './role-credential.ts';
import {
  changeRole,
  deleteRole,
  readRole,
  type RoleEntry,
  VALID_UNTIL,
  type ValidUntil,
  writeRole,
} from './role-entry.ts';
import { checkRoleStatements, type StatementField, withWarnings } from './statement-fields.ts';
import { nameTaken, readStaticRole } from './static-role-entry.ts';

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name of the role.' },
  db_name: { type: 'string', description: 'The connection to use: its name under config/.' },
  creation_statements: {
    type: 'strings',
    description: 'SQL that creates the user. {{name}} or {{username}}, {{password}} and {{expiration}} are replaced.',
  },
  revocation_statements: {
    type: 'strings',
    description: "SQL that removes the user. Empty: the plugin's default.",
  },
  rollback_statements: { type: 'strings', description: 'SQL to run when creation fails halfway.' },
  renew_statements: { type: 'strings', description: 'SQL to run at renewal; ALTER ROLE ... VALID UNTIL when empty.' },
  default_ttl: { type: 'duration', description: "TTL of a lease; the mount's when 0." },
  max_ttl: { type: 'duration', description: "Maximum TTL of a lease, including renewals; the mount's when 0." },
  valid_until: {
    type: 'string',
    description:
      'What VALID UNTIL is set to: the end of the "lease" (default), or the end of "max_ttl", so that renewals need no SQL.',
  },
  ...CREDENTIAL_FIELDS,
} as const;

const NEW_ROLE: RoleEntry = {
  dbName: '',
  creationStatements: [],
  revocationStatements: [],
  rollbackStatements: [],
  renewStatements: [],
  defaultTtl: 0,
  maxTtl: 0,
  validUntil: 'lease',
  passwordPolicy: '',
};

/** `roles` (LIST), `roles/:name`: what a credential is made from. */
export function rolesPaths(parts: EngineParts): Path[] {
  return [listRoles(parts.context.storage), oneRole(parts)];
}

function listRoles(storage: EntryStorage): Path {
  return definePath({
    pattern: 'roles',
    fields: {},
    synopsis: 'Lists the roles.',
    list: async ({ page }) => ({ data: { keys: await storage.list('roles/', page) } }),
  });
}

function oneRole(parts: EngineParts): Path {
  const { storage } = parts.context;
  return definePath({
    pattern: 'roles/:name',
    fields: FIELDS,
    otherFields: 'refuse',
    synopsis: 'Manages a role: the SQL statements and TTLs of its credentials.',
    exists: async ({ name = '' }) => (await readRole(storage, name)) !== undefined,
    read: async ({ fields }) => {
      const role = await readRole(storage, fields.name);
      return role && { data: roleView(role) };
    },
    write: async ({ fields }) => {
      if ((await readStaticRole(storage, fields.name)) !== undefined) throw nameTaken();
      const passwordPolicy = passwordPolicyOf(fields.credential_type, fields.credential_config);
      if (passwordPolicy) await parts.generatePassword(passwordPolicy);
      const change = (previous: RoleEntry): RoleEntry => ({
        dbName: fields.db_name ?? previous.dbName,
        creationStatements: fields.creation_statements ?? previous.creationStatements,
        revocationStatements: fields.revocation_statements ?? previous.revocationStatements,
        rollbackStatements: fields.rollback_statements ?? previous.rollbackStatements,
        renewStatements: fields.renew_statements ?? previous.renewStatements,
        defaultTtl: fields.default_ttl ?? previous.defaultTtl,
        maxTtl: fields.max_ttl ?? previous.maxTtl,
        validUntil: validUntilOf(fields.valid_until) ?? previous.validUntil,
        passwordPolicy: passwordPolicy ?? previous.passwordPolicy,
      });
      const previous = await readRole(storage, fields.name);
      const wanted = change(previous ?? NEW_ROLE);
      if (wanted.dbName === '') throw new CofferError('invalid-request', 'database name is required');
      const warnings = await checkRoleStatements(parts, wanted.dbName, statementFields(wanted));
      if (previous === undefined) await writeRole(storage, fields.name, wanted);
      else await changeRole(storage, fields.name, change);
      return withWarnings(warnings);
    },
    delete: async ({ fields }) => {
      await deleteRole(storage, fields.name);
      return undefined;
    },
  });
}

function statementFields(role: RoleEntry): readonly StatementField[] {
  return [
    { field: 'creation_statements', purpose: 'creation', statements: role.creationStatements },
    { field: 'revocation_statements', purpose: 'revocation', statements: role.revocationStatements },
    { field: 'rollback_statements', purpose: 'rollback', statements: role.rollbackStatements },
    { field: 'renew_statements', purpose: 'renew', statements: role.renewStatements },
  ];
}

function roleView(role: RoleEntry) {
  return {
    creation_statements: role.creationStatements,
    ...credentialView(role.passwordPolicy),
    db_name: role.dbName,
    default_ttl: role.defaultTtl,
    max_ttl: role.maxTtl,
    renew_statements: role.renewStatements,
    revocation_statements: role.revocationStatements,
    rollback_statements: role.rollbackStatements,
    // Vault does not have it: shown only where it is used, so that other answers are the same as there.
    ...(role.validUntil !== 'lease' && { valid_until: role.validUntil }),
  };
}

function validUntilOf(given: string | undefined): ValidUntil | undefined {
  if (given === undefined) return undefined;
  const known = VALID_UNTIL.find((each) => each === given);
  if (known !== undefined) return known;
  throw new CofferError('invalid-request', `field "valid_until" must be one of ${VALID_UNTIL.join(', ')}`);
}
