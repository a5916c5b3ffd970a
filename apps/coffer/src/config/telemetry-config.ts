import type { HclItem, HclObject } from '@coffer/hcl';
import { isHttpUrl } from '@coffer/traces';

/** Vault's block `telemetry`, and in it `otlp_endpoint`, which is ours. Times are milliseconds. */
export interface TelemetryConfig {
  /** How long a series is shown that gets nothing any more; 0: nothing is shown to Prometheus. Default: a day. */
  readonly retentionMs?: number;
  /** How often tokens are counted; 0: nothing that is in the store is counted. Default: 10 minutes. */
  readonly usagePeriodMs?: number;
  /** Where traces go. */
  readonly otlpEndpoint?: string;
  /** What has no effect, each with its place. */
  readonly warnings: readonly string[];
}

const OWN = ['prometheus_retention_time', 'usage_gauge_period', 'disable_hostname', 'otlp_endpoint'];

const NOT_SENT = 'metrics are fetched from sys/metrics, not sent';
const NOT_NAMED = 'docs/observability.md lists the names and labels';
const BOUNDED = 'a metric has 500 series at most, and 100 if it shows quantiles';
const NOT_BY_EXPIRY = 'leases are not counted by expiration';

/** Keys that change nothing here, and why (hashicorp/vault:internalshared/configutil/telemetry.go). */
export const TELEMETRY_WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  statsite_address: NOT_SENT,
  statsd_address: NOT_SENT,
  circonus_api_token: NOT_SENT,
  circonus_api_app: NOT_SENT,
  circonus_api_url: NOT_SENT,
  circonus_submission_interval: NOT_SENT,
  circonus_submission_url: NOT_SENT,
  circonus_check_id: NOT_SENT,
  circonus_check_force_metric_activation: NOT_SENT,
  circonus_check_instance_id: NOT_SENT,
  circonus_check_search_tag: NOT_SENT,
  circonus_check_tags: NOT_SENT,
  circonus_check_display_name: NOT_SENT,
  circonus_broker_id: NOT_SENT,
  circonus_broker_select_tag: NOT_SENT,
  dogstatsd_addr: NOT_SENT,
  dogstatsd_tags: NOT_SENT,
  stackdriver_project_id: NOT_SENT,
  stackdriver_location: NOT_SENT,
  stackdriver_namespace: NOT_SENT,
  stackdriver_debug_logs: NOT_SENT,
  enable_hostname_label: NOT_NAMED,
  metrics_prefix: NOT_NAMED,
  filter_default: NOT_NAMED,
  prefix_filter: NOT_NAMED,
  rollback_metrics_include_mount_point: NOT_NAMED,
  add_mount_point_rollback_metrics: NOT_NAMED,
  maximum_gauge_cardinality: BOUNDED,
  lease_metrics_epsilon: NOT_BY_EXPIRY,
  num_lease_metrics_buckets: NOT_BY_EXPIRY,
  add_lease_metrics_namespace_labels: NOT_BY_EXPIRY,
};

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseTelemetry(config: HclObject): TelemetryConfig | undefined {
  const [block, second] = config.blocks('telemetry');
  if (block === undefined) return undefined;
  if (second !== undefined) throw config.error('"telemetry" is set twice', second);
  const { body } = block;
  body.allowOnly([...OWN, ...Object.keys(TELEMETRY_WITHOUT_EFFECT)]);
  const warnings = body.items.flatMap((item) => effectless(body, item));
  const retentionMs = milliseconds(body, 'prometheus_retention_time');
  const usagePeriodMs = isNone(body, 'usage_gauge_period') ? 0 : milliseconds(body, 'usage_gauge_period');
  const otlpEndpoint = parseOtlpEndpoint(body);
  return {
    ...(otlpEndpoint !== undefined && { otlpEndpoint }),
    ...(retentionMs !== undefined && { retentionMs }),
    ...(usagePeriodMs !== undefined && { usagePeriodMs }),
    warnings,
  };
}

function parseOtlpEndpoint(body: HclObject): string | undefined {
  const name = 'otlp_endpoint';
  const text = body.string(name) ?? '';
  if (text === '') return undefined;
  if (!isHttpUrl(text)) throw body.error(`"${name}" must be an http:// or https:// URL`, body.attribute(name));
  const { username, password, search, hash } = new URL(text);
  if (username === '' && password === '' && search === '' && hash === '') return text;
  throw body.error(
    `"${name}" must not contain credentials or a query: put headers for the collector into OTEL_EXPORTER_OTLP_HEADERS`,
    body.attribute(name),
  );
}

function effectless(body: HclObject, item: HclItem): string[] {
  const [key] = item.keys;
  const wantsHostname = key === 'disable_hostname' && body.boolean(key) === false;
  const reason = wantsHostname ? 'names never start with the host name' : TELEMETRY_WITHOUT_EFFECT[key];
  return reason === undefined ? [] : [body.error(`"${key}" has no effect: ${reason}`, item).message];
}

/** Vault's other word for 0. */
function isNone(body: HclObject, name: string): boolean {
  const value = body.attribute(name);
  return value?.kind === 'string' && value.value === 'none';
}

function milliseconds(body: HclObject, name: string): number | undefined {
  const seconds = body.duration(name);
  return seconds === undefined ? undefined : seconds * 1000;
}
