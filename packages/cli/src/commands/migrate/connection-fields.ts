import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { RENAMED } from './carried-fields.ts';
import { othersThan, pick } from './fields.ts';

/** Fields of a connection beside those of its plugin. */
const OF_ENGINE = ['allowed_roles', 'password_policy', 'plugin_name', 'root_credentials_rotate_statements'];
const ABOUT = ['connection_details', 'running_plugin_version', 'verify_connection'];

/** A password in a URL, as Vault (`*****`) and Go (`xxxxx`) write over it. */
const MASKED = /:(\*{5}|x{5})@/;

/** A connection as it is written, from the view of one: the plugin's fields beside the others. */
export function connectionFields(view: JsonObject, known: readonly string[] | undefined): JsonObject {
  const details = known === undefined ? detailsOf(view) : renamed(detailsOf(view));
  const { root_credentials_rotate_statements: statements = [], ...engine } = pick(view, OF_ENGINE);
  const shown = known ?? Object.keys(details);
  const { connection_url: url } = details;
  return {
    ...pick(details, shown),
    ...(typeof url === 'string' && url !== '' && { connection_url: url.replace(MASKED, ':*****@') }),
    ...engine,
    ...pick({ root_rotation_statements: statements }, ['root_rotation_statements']),
  };
}

/** The names of fields that the target does not know. `known`: all of its plugin's; undefined when nobody can say. */
export function unknownConnectionFields(view: JsonObject, known: readonly string[] | undefined): string[] {
  const details = known === undefined ? [] : othersThan(renamed(detailsOf(view)), known);
  return [...othersThan(view, [...OF_ENGINE, ...ABOUT]), ...details];
}

/** The names of fields that must be given, since the source shows no secret. */
export function missingSecrets(view: JsonObject): string[] {
  const { connection_url: url, tls_certificate: certificate } = detailsOf(view);
  const missing = typeof url === 'string' && MASKED.test(url) ? ['connection_url'] : ['password'];
  return certificate === undefined || certificate === '' ? missing : [...missing, 'private_key'];
}

function renamed(details: JsonObject): JsonObject {
  const ours = (name: string, value: JsonValue): string => (isLibpqs(value) ? name : (RENAMED.get(name) ?? name));
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [ours(name, value), value]));
}

/** Of load_balance_hosts, what libpq means by it and our plugin does not. */
function isLibpqs(value: JsonValue): boolean {
  return value === 'random' || value === 'disable';
}

function detailsOf({ connection_details: details }: JsonObject): JsonObject {
  return isJsonObject(details) ? details : {};
}
