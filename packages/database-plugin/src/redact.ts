import { inspect } from 'node:util';
import { CofferError, errorText, isCofferError, type JsonObject, redact, Secret } from '@coffer/base';
import { GrpcError } from '@coffer/go-plugin';
import type { Database } from './database.ts';

/**
 * A Database whose errors show no password: neither the administrator's (from the configuration, and after a rotation)
 * nor the one of the request in flight. Only texts change; error codes and classes of clean errors stay.
 * The label is Vault's `[password]` (hashicorp/vault:sdk/database/dbplugin/v5/middleware.go).
 */
export function redactSecrets(database: Database): Database {
  let admin: { readonly username: string; readonly secrets: readonly Secret[] } = { username: '', secrets: [] };
  const guard = async <T>(secrets: readonly Secret[], work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw redactError(error, [...admin.secrets, ...secrets]);
    }
  };
  return {
    initialize: async (request) => {
      const username = request.config['username'];
      const given = { username: typeof username === 'string' ? username : '', secrets: configSecrets(request.config) };
      const previous = admin;
      // While both are in use either may show up in an error.
      admin = { ...given, secrets: [...given.secrets, ...previous.secrets] };
      try {
        const stored = await guard([], () => database.initialize(request));
        admin = given;
        return stored;
      } catch (error) {
        admin = previous;
        throw error;
      }
    },
    newUser: (request) => guard([request.password], () => database.newUser(request)),
    updateUser: async (request) => {
      const secrets = request.password === undefined ? [] : [request.password.newPassword];
      await guard(secrets, () => database.updateUser(request));
      if (request.username === admin.username) admin = { ...admin, secrets: [...secrets, ...admin.secrets] };
    },
    deleteUser: (request) => guard([], () => database.deleteUser(request)),
    type: () => guard([], () => database.type()),
    close: () => guard([], () => database.close()),
    nameUser: (config) => guard([], async () => database.nameUser?.(config)),
    verifyUser: (username, password) => guard([password], async () => database.verifyUser?.(username, password)),
  };
}

const SECRET_FIELDS = ['password', 'private_key', 'sslpassword'] as const;
const URL_PASSWORD = /:\/\/[^/?#@:]*:([^/?#]*)@/;
const URL_PARAMETER = /[?&](?:password|sslpassword)=([^&#]*)/g;
const KEYWORD_PASSWORD = /(?:^|\s)(?:password|sslpassword)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))/g;

/** Every secret in a database configuration: its own fields, and what `connection_url` holds, in URL or keyword form. */
export function configSecrets(config: JsonObject): readonly Secret[] {
  const values = new Set<string>();
  for (const field of SECRET_FIELDS) {
    const value = config[field];
    if (typeof value === 'string') values.add(value);
  }
  const url = config['connection_url'];
  if (typeof url === 'string') {
    const found = [URL_PASSWORD.exec(url)?.[1], ...[...url.matchAll(URL_PARAMETER)].map((match) => match[1])];
    for (const value of found) {
      if (value !== undefined) values.add(value).add(percentDecoded(value));
    }
    for (const [, quoted, bare] of url.matchAll(KEYWORD_PASSWORD)) {
      values.add(quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
    }
  }
  // A template ("{{password}}") is no secret, and an empty value would be found everywhere.
  return [...values].filter((value) => value !== '' && value !== '{{password}}').map((value) => new Secret(value));
}

function percentDecoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** The same error when no secret shows in it or in its cause, else one with the same code and a clean text. */
function redactError(thrown: unknown, secrets: readonly Secret[]): unknown {
  if (!isCofferError(thrown)) {
    const cause = redactCause(thrown, secrets);
    return cause === thrown ? thrown : new CofferError('internal', 'internal error', { cause });
  }
  const message = redact(thrown.message, secrets);
  const cause = redactCause(thrown.cause, secrets);
  return message === thrown.message && cause === thrown.cause
    ? thrown
    : new CofferError(thrown.code, message, { cause });
}

function redactStatus(status: GrpcError, secrets: readonly Secret[]): GrpcError {
  const details = redact(status.details, secrets);
  const cause = redactCause(status.cause, secrets);
  return details === status.details && cause === status.cause ? status : new GrpcError(status.code, details, { cause });
}

/** A driver's error can carry the statement in any of its fields, so all that a log could print is looked at. */
function redactCause(cause: unknown, secrets: readonly Secret[]): unknown {
  // Its code decides what the host makes of the failure.
  if (cause instanceof GrpcError) return redactStatus(cause, secrets);
  const shown = inspect(cause, { depth: 8, maxStringLength: null });
  return redact(shown, secrets) === shown ? cause : new Error(redact(errorText(cause), secrets));
}
