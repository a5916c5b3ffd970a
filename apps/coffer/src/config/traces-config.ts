import type { HclItem, HclObject, HclValue } from '@coffer/hcl';
import { isHttpUrl } from '@coffer/traces';

const KEY = 'otlp_endpoint';

/**
 * Takes `telemetry { otlp_endpoint = "http://collector:4318" }`, which is ours, out of a stanza whose other keys are Vault's; a
 * stanza that has no other goes with it. What is wrong is reported to `config`.
 */
export function takeOtlpEndpoint(config: HclObject): { readonly config: HclObject; readonly otlpEndpoint?: string } {
  let otlpEndpoint: string | undefined;
  const take = (body: HclObject): HclObject => {
    if (body.attribute(KEY) === undefined) return body;
    otlpEndpoint = parseEndpoint(body) ?? otlpEndpoint;
    return body.withItems(body.items.filter(({ keys }) => keys[0] !== KEY));
  };
  const items = config.items.flatMap((item): HclItem[] => {
    if (item.keys[0] !== 'telemetry') return [item];
    const value = mapObjects(item.value, take);
    return value !== item.value && isEmpty(value) ? [] : [{ ...item, value }];
  });
  return { config: config.withItems(items), ...(otlpEndpoint !== undefined && { otlpEndpoint }) };
}

function parseEndpoint(body: HclObject): string | undefined {
  const value = body.attribute(KEY);
  const text = body.string(KEY) ?? '';
  if (value === undefined || text === '') return undefined;
  if (!isHttpUrl(text)) {
    body.refuse(value, `"${KEY}" must be an http:// or https:// URL`);
    return undefined;
  }
  const { username, password, search, hash } = new URL(text);
  if (username === '' && password === '' && search === '' && hash === '') return text;
  body.refuse(
    value,
    `"${KEY}" must not hold credentials or a query: what the collector wants as headers goes into OTEL_EXPORTER_OTLP_HEADERS`,
  );
  return undefined;
}

/** In JSON a stanza may be a list of objects. */
function mapObjects(value: HclValue, change: (body: HclObject) => HclObject): HclValue {
  if (value.kind === 'object') return change(value);
  if (value.kind !== 'list') return value;
  const values = value.values.map((each) => mapObjects(each, change));
  return values.every((each, at) => each === value.values[at]) ? value : { ...value, values };
}

function isEmpty(value: HclValue): boolean {
  if (value.kind === 'object') return value.items.length === 0;
  return value.kind === 'list' && value.values.every(isEmpty);
}
