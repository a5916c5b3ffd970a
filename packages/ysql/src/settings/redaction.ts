import { type LogFields, type Logger, type LogLevel, redact, Secret } from '@coffer/base';
import { clipName, NAME_BYTES } from '../sql/role-name.ts';
import type { YsqlSettings } from './settings.ts';

/** What a configuration holds that must be shown to nobody. */
export function secretsOf({ password, tls }: YsqlSettings): readonly Secret[] {
  return [password, tls.keyPassword, new Secret(tls.privateKey.pem)];
}

/**
 * The secrets, and what PostgreSQL may show of them: a value that stands where a name is meant is cut to 63 bytes before an
 * error repeats it.
 */
export function withCutForms(secrets: readonly Secret[]): readonly Secret[] {
  const long = secrets.map((secret) => secret.reveal()).filter((value) => Buffer.byteLength(value) > NAME_BYTES);
  return [...secrets, ...long.map((value) => new Secret(clipName(value)))];
}

/** A logger whose lines show none of the secrets, which are asked for with each line: most calls log none. */
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
