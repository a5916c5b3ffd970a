import type { UnauthenticatedAccess } from '@coffer/framework';
import type { HclBlock, HclObject } from '@coffer/hcl';
import type { ForwardedForRules, UnixSocket } from '@coffer/http';
import { DEFAULT_ADDRESS, type ListenAddress, parseListenAddress } from '../listen-address.ts';
import { defined, parseMaxRequestMs } from './config-values.ts';
import { parseForwardedFor } from './listener-forwarded-for.ts';
import { parseResponseHeaders, type ResponseHeaders } from './listener-headers.ts';
import { checkListenerKeys } from './listener-keys.ts';
import { type ListenerLimits, parseListenerLimits } from './listener-limits.ts';
import { type ListenerTls, parseListenerTls } from './listener-tls.ts';
import { parseSocket } from './listener-socket.ts';
import { listenerBlocks, listenerType } from './listener-type.ts';

/** One listener: on a TCP address, or on a Unix socket. */
export type ListenerConfig = ListenerSettings & (ListenAddress | { readonly socket: UnixSocket });

export interface ListenerSettings extends ListenerTls {
  /** The longest that a client is kept waiting, in milliseconds; the edge's default when absent. */
  readonly maxRequestMs?: number;
  readonly limits?: ListenerLimits;
  readonly forwardedFor?: ForwardedForRules;
  readonly responseHeaders?: ResponseHeaders;
  /** What it serves without a token; none by default. */
  readonly unauthenticatedAccess?: readonly UnauthenticatedAccess[];
  /** Whether `sys/metrics` is refused here, or the only thing that is served. */
  readonly metrics?: 'disallowed' | 'only';
  /** What `sys/health`, `sys/leader` and `sys/seal-status` leave out, for nobody needs a token there. */
  readonly redacted?: readonly Redaction[];
  /** What has no effect, with its line: `FILE:LINE:COLUMN: …`. */
  readonly warnings?: readonly string[];
}

export type Redaction = 'addresses' | 'cluster_name' | 'version';

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseListeners(config: HclObject): ListenerConfig[] {
  const maxRequestMs = parseMaxRequestMs(config, 'default_max_request_duration');
  const openEverywhere = parseUnauthenticatedAccess(config);
  const listeners = listenerBlocks(config).map((block) => ({
    ...defined('maxRequestMs', maxRequestMs),
    ...parseListener(block, openEverywhere),
  }));
  if (listeners.length > 0) return listeners;
  throw config.error('a block listener "tcp" { address = "127.0.0.1:8200" … } is missing');
}

const GROUPS: readonly UnauthenticatedAccess[] = ['rekey', 'generate-root'];

/** Vault's key. @throws CofferError `invalid-request` for a group of paths that cannot be opened */
function parseUnauthenticatedAccess(config: HclObject): readonly UnauthenticatedAccess[] {
  const name = 'enable_unauthenticated_access';
  return (config.strings(name) ?? []).map((group) => {
    const found = GROUPS.find((each) => each === group);
    if (found !== undefined) return found;
    throw config.error(
      `"${name}" may contain ${GROUPS.map((each) => JSON.stringify(each)).join(' and ')}`,
      config.attribute(name),
    );
  });
}

/** OpenBao's keys, which say the same for a single listener. */
const DISABLED_BY: Readonly<Record<string, UnauthenticatedAccess>> = {
  disable_unauthed_rekey_endpoints: 'rekey',
  disable_unauthed_generate_root_endpoints: 'generate-root',
};

function parseListener(block: HclBlock, openEverywhere: readonly UnauthenticatedAccess[]): ListenerConfig {
  const { body } = block;
  const type = listenerType(block);
  if (type !== 'tcp' && type !== 'unix') throw body.error('the types of listener are "tcp" and "unix"', block);
  const warnings = checkListenerKeys(body, type);
  const openHere = Object.entries(DISABLED_BY).flatMap(([key, group]) => (body.boolean(key) === false ? [group] : []));
  const open = [...new Set([...openEverywhere, ...openHere, ...openedByStanzas(body)])];
  const redacted = (['addresses', 'cluster_name', 'version'] as const).filter((what) => body.boolean(`redact_${what}`));
  const settings = {
    ...(open.length > 0 && { unauthenticatedAccess: open }),
    ...(redacted.length > 0 && { redacted }),
    ...defined('maxRequestMs', parseMaxRequestMs(body, 'max_request_duration')),
    ...defined('limits', parseListenerLimits(body)),
    ...defined('responseHeaders', parseResponseHeaders(body)),
    ...defined('metrics', parseMetrics(body)),
    ...(warnings.length > 0 && { warnings }),
  };
  if (type === 'unix') return { ...settings, socket: parseSocket(body) };
  const address = parseAddress(body);
  const forwardedFor = parseForwardedFor(body);
  return { ...address, ...settings, ...defined('forwardedFor', forwardedFor), ...parseListenerTls(block) };
}

function parseAddress(body: HclObject): ListenAddress {
  const found = parseListenAddress(body.string('address') ?? DEFAULT_ADDRESS);
  if (found !== undefined) return found;
  throw body.error('"address" must be HOST:PORT, as in "127.0.0.1:8200"', body.attribute('address'));
}

/** Vault has documented the second key in either stanza, and in the singular. */
function openedByStanzas(body: HclObject): UnauthenticatedAccess[] {
  const inFlight = ['unauthenticated_in_flight_requests_access', 'unauthenticated_in_flight_request_access'];
  const stanza = (name: string, keys: readonly string[]): HclObject | undefined => {
    const found = body.object(name);
    found?.allowOnly(keys);
    return found;
  };
  const telemetry = stanza('telemetry', ['unauthenticated_metrics_access', 'disallow_metrics', 'metrics_only']);
  const profiling = stanza('profiling', ['unauthenticated_pprof_access', ...inFlight]);
  const requests = stanza('inflight_requests_logging', inFlight);
  const isSet = (of: HclObject | undefined, key: string): boolean => of !== undefined && of.boolean(key) === true;
  if (profiling !== undefined && isSet(profiling, 'unauthenticated_pprof_access')) {
    throw profiling.error('there is no sys/pprof: remove "unauthenticated_pprof_access"', profiling);
  }
  const opensInFlight = inFlight.some((key) => isSet(profiling, key) || isSet(requests, key));
  return [
    ...(isSet(telemetry, 'unauthenticated_metrics_access') ? (['metrics'] as const) : []),
    ...(opensInFlight ? (['in-flight-req'] as const) : []),
  ];
}

function parseMetrics(body: HclObject): 'disallowed' | 'only' | undefined {
  const telemetry = body.object('telemetry');
  if (telemetry === undefined) return undefined;
  const [disallowed, only] = [telemetry.boolean('disallow_metrics'), telemetry.boolean('metrics_only')];
  if (disallowed && only) throw telemetry.error('set either "disallow_metrics" or "metrics_only", not both', telemetry);
  return disallowed ? 'disallowed' : only ? 'only' : undefined;
}
