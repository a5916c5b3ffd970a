import type { JsonObject, JsonValue } from '@coffer/base';
import type { BalancePolicy } from './balance.ts';
import { type ConnectionFieldName, findConnectionField } from './connection-fields.ts';
import { type Endpoint, isSocket } from './hosts.ts';
import { canonical, type Findings, isGiven } from './values.ts';

const TLS_FIELDS = [
  'sslrootcert',
  'tls_ca',
  'sslcert',
  'tls_certificate',
  'sslkey',
  'private_key',
  'sslpassword',
  'tls_server_name',
] as const satisfies readonly ConnectionFieldName[];

/** What of the decoded settings shows whether a field has an effect. */
interface Decoded {
  readonly hosts: readonly Endpoint[];
  readonly balance: BalancePolicy | undefined;
  readonly tls: { readonly mode: string; readonly ca: Pem; readonly certificate: Pem; readonly privateKey: Pem };
  readonly maxOpen: number;
  readonly connectTimeoutSeconds: number;
}

interface Pem {
  readonly pem: string;
  readonly pathField: ConnectionFieldName;
  readonly pemField: ConnectionFieldName;
}

/** Warns of each field of a connection that was given and has no effect beside the others. */
export function warnOfNoEffect(values: JsonObject, settings: Decoded, findings: Findings): void {
  // Whoever writes down a default wants no more than that.
  const given: Given = (...names) => names.filter((name) => isGiven(values[name]) && !isDefault(name, values[name]));
  const without: Without = (names, why) => {
    if (names.length > 0) findings.warn(`${names.join(', ')}: no effect ${why}`);
  };
  warnOfBalance(settings.balance, given, without);
  warnOfTls(settings, given, without);
  if (!isGiven(values['connection_url'])) without(given('disable_escaping'), 'without connection_url');
  const idle = Number(values['max_idle_connections'] ?? 0);
  if (idle > settings.maxOpen)
    findings.warn(`max_idle_connections: limited to max_open_connections (${settings.maxOpen})`);
  if (isGiven(values['connect_timeout']) && canonical('connect_timeout', values['connect_timeout']) === '0') {
    findings.warn(`connect_timeout: 0 stands for the default, ${settings.connectTimeoutSeconds} s`);
  }
}

function isDefault(name: ConnectionFieldName, value: JsonValue | undefined): boolean {
  const byDefault = findConnectionField(name)?.default;
  return byDefault !== undefined && canonical(name, value) === canonical(name, byDefault);
}

type Given = (...names: readonly ConnectionFieldName[]) => readonly string[];
type Without = (names: readonly string[], why: string) => void;

function warnOfBalance(balance: BalancePolicy | undefined, given: Given, without: Without): void {
  if (balance === undefined) {
    without(given('topology_keys', 'fallback_to_topology_keys_only'), 'with load_balance=false');
    return;
  }
  if (!balance.topologyKeysOnly) return;
  if (balance.topologyKeys.length === 0) without(given('fallback_to_topology_keys_only'), 'without topology_keys');
  else if (balance.mode.startsWith('prefer-')) {
    without(given('fallback_to_topology_keys_only'), `with load_balance=${balance.mode}`);
  }
}

function warnOfTls({ tls, hosts }: Decoded, given: Given, without: Without): void {
  if (hosts.every(({ host }) => isSocket(host))) {
    without(given(...(tls.mode === 'disable' ? [] : (['sslmode'] as const)), ...TLS_FIELDS), 'on a Unix socket');
    return;
  }
  if (tls.mode === 'disable') {
    without(given(...TLS_FIELDS), 'with sslmode=disable');
    return;
  }
  if (tls.mode === 'allow' || tls.mode === 'prefer') {
    without(given('sslrootcert', 'tls_ca'), `with sslmode=${tls.mode}, which does not verify the server`);
  }
  for (const source of [tls.ca, tls.certificate, tls.privateKey]) {
    if (source.pem !== '') without(given(source.pathField), `beside ${source.pemField}`);
  }
  const hasKey = given('sslkey', 'private_key').length > 0;
  if (given('sslcert', 'tls_certificate').length === 0) {
    without(given('sslkey', 'private_key', 'sslpassword'), 'without sslcert or tls_certificate');
  } else if (!hasKey) without(given('sslpassword'), 'without sslkey or private_key');
}
