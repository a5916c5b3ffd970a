/** What completion can offer in one place: words that are known here, files, or names that the server knows. */
export type Candidates =
  | readonly string[]
  | 'files'
  /** Paths of mounts, and what can be listed below them; `folders` leaves out what is no folder. */
  | 'paths'
  | 'folders'
  | 'mounts'
  | 'auths'
  | 'audits'
  | 'plugins'
  | 'policies';

const PLUGIN_TYPES = ['auth', 'database', 'secret'];
export const AUTH_TYPES = ['approle', 'cert', 'jwt', 'kubernetes', 'oidc', 'plugin', 'userpass'];
export const ENGINE_TYPES = ['database', 'plugin'];
export const AUDIT_TYPES = ['file', 'socket'];

/**
 * The arguments of each command that takes some, one entry for each place. Empty: nothing can be offered, as for names that are
 * new and for ids. In one table, so that a test can see that no command is forgotten.
 */
export const ARGUMENT_CANDIDATES: Readonly<Record<string, readonly Candidates[]>> = {
  'audit disable': ['audits'],
  'audit enable': [AUDIT_TYPES],
  'auth disable': ['auths'],
  'auth enable': [AUTH_TYPES],
  'auth move': ['auths'],
  'auth tune': ['auths'],
  delete: ['paths'],
  'lease lookup': [],
  'lease renew': [],
  'lease revoke': [],
  list: ['folders'],
  login: [],
  'operator generate-root': [],
  'operator raft snapshot inspect': ['files'],
  'operator raft snapshot restore': ['files'],
  'operator raft snapshot save': ['files'],
  'operator rekey': [],
  'operator snapshot inspect': ['files'],
  'operator snapshot restore': ['files'],
  'operator snapshot save': ['files'],
  'operator unseal': [],
  'path-help': ['paths'],
  'plugin deregister': [PLUGIN_TYPES, 'plugins'],
  'plugin info': [PLUGIN_TYPES, 'plugins'],
  'plugin list': [PLUGIN_TYPES],
  'plugin register': [PLUGIN_TYPES, 'plugins'],
  'plugin reload-status': [],
  'policy delete': ['policies'],
  'policy read': ['policies'],
  'policy write': ['policies', 'files'],
  'print token': [],
  read: ['paths'],
  'secrets disable': ['mounts'],
  'secrets enable': [ENGINE_TYPES],
  'secrets move': ['mounts'],
  'secrets tune': ['mounts'],
  'token capabilities': [],
  'token lookup': [],
  'token renew': [],
  'token revoke': [],
  unwrap: [],
  version: [],
  write: ['paths'],
};

/** The values of flags, by the flag or by command and flag, which goes first. */
export const FLAG_CANDIDATES: Readonly<Record<string, Candidates>> = {
  'ca-cert': 'files',
  'ca-path': 'files',
  'client-cert': 'files',
  'client-key': 'files',
  config: 'files',
  'dev-plugin-dir': 'files',
  format: ['table', 'json', 'yaml'],
  'read format': ['table', 'json', 'yaml', 'raw'],
  'listing-visibility': ['unauth', 'hidden'],
  'log-file': 'files',
  'log-level': ['trace', 'debug', 'info', 'warn', 'error'],
  'log-format': ['standard', 'json'],
  'login path': 'auths',
  'migrate vault from-ca-cert': 'files',
  'migrate vault from-token-file': 'files',
  'migrate vault secrets': 'files',
  'operator rekey target': ['barrier', 'recovery'],
  policy: 'policies',
  'plugin reload plugin': 'plugins',
  'plugin reload mounts': 'mounts',
  'plugin reload scope': ['global'],
  'token create type': ['service', 'batch'],
  'token-type': ['default-service', 'default-batch', 'service', 'batch'],
  'token revoke mode': ['orphan', 'path'],
};
