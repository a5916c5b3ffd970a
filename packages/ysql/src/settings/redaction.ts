import { type LogFields, type Logger, type LogLevel, redact, Secret } from '@coffer/base';
import { clipName, NAME_BYTES } from '../sql/role-name.ts';
import type { YsqlSettings } from './settings.ts';

/** What is in a configuration and must never be shown to anyone. */
export function secretsOf({ password, tls }: YsqlSettings): readonly Secret[] {
  return [password, tls.keyPassword, new Secret(tls.privateKey.pem)];
}

/**
 * The secrets, and the forms in which PostgreSQL may repeat them: a value in place of a name is cut to 63 bytes before it shows
 * up in an error.
 */
export function withCutForms(secrets: readonly Secret[]): readonly Secret[] {
  const long = secrets.map((secret) => secret.reveal()).filter((value) => Buffer.byteLength(value) > NAME_BYTES);
  return [...secrets, ...long.map((value) => new Secret(clipName(value)))];
}

/** A logger whose lines show none of the secrets. It asks for them with each line, since most calls log nothing. */
export function redactingLogger(logger: Logger, secrets: () => readonly Secret[]): Logger {
  const clean = (fields: LogFields, hidden: readonly Secret[]): LogFields =>
    Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? redact(value, hidden) : value]),
    );
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      const hidden = secrets();
      logger[level](redact(message, hidden), clean(fields, hidden));
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    named: (module) => redactingLogger(logger.named(module), secrets),
  };
}
