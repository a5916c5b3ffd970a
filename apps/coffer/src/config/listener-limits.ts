import type { HclObject } from '@coffer/hcl';
import { defined } from './config-values.ts';

/** Absent is the edge's default. */
export interface ListenerLimits {
  readonly maxBodyBytes?: number;
  readonly jsonMemoryBytes?: number;
  readonly jsonStrings?: number;
  readonly jsonDepth?: number;
  readonly jsonStringBytes?: number;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly responseTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  /** Requests are served even when too many are under way in the process. */
  readonly unlimited?: boolean;
}

/** Sizes that are 0 or negative, and times that are 0, are the default: nothing here is without a limit. */
export function parseListenerLimits(body: HclObject): ListenerLimits | undefined {
  const count = (key: string): number | undefined => {
    const value = body.number(key);
    if (value === undefined || Number.isInteger(value)) return value !== undefined && value > 0 ? value : undefined;
    throw body.error(`"${key}" must be a whole number`, body.attribute(key));
  };
  const milliseconds = (key: string): number | undefined =>
    (body.duration(key) || undefined) && (body.duration(key) ?? 0) * 1000;
  const limits = {
    ...defined('maxBodyBytes', count('max_request_size')),
    ...defined('jsonMemoryBytes', count('max_request_json_memory')),
    ...defined('jsonStrings', count('max_request_json_strings')),
    ...defined('jsonDepth', count('max_json_depth')),
    ...defined('jsonStringBytes', count('max_json_string_value_length')),
    ...defined('headersTimeoutMs', milliseconds('http_read_header_timeout')),
    ...defined('requestTimeoutMs', milliseconds('http_read_timeout')),
    ...defined('responseTimeoutMs', milliseconds('http_write_timeout')),
    ...defined('idleTimeoutMs', milliseconds('http_idle_timeout')),
    ...(body.boolean('disable_request_limiter') === true && { unlimited: true }),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}
