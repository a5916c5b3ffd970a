import { isJsonObject, type JsonValue } from '@coffer/base';

/** What differs between any two runs of the same server: times, ids, random parts, addresses, versions. */
const RANDOM: readonly (readonly [RegExp, string])[] = [
  [/\b(hv)?s\.[A-Za-z0-9]{24}\b/g, '<token>'],
  [/(\/creds\/[\w-]+\/)[A-Za-z0-9]{24}\b/g, '$1<id>'],
  [/v-token-my-first-[A-Za-z0-9]{20}-\d{10}/g, '<username>'],
  [/\bapp_[A-Z0-9]{8}_\d{10}\b/g, '<username>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  [/\b(?!0{64})[0-9a-f]{64}\b/g, '<sha256>'],
  [/vault-cluster-[0-9a-z]{8}/g, '<cluster>'],
  [/\b(cubbyhole|database|identity|kv|system|auth_token|auth_approle)_[0-9a-f]{8}\b/g, '$1_<accessor>'],
  [/(127\.0\.0\.1|localhost):\d+/g, '$1:<port>'],
  [/((?:"password": ?"|\bpassword +))[A-Za-z0-9-]{20}(?![\w-])/g, '$1<password of 20>'],
  [/((?:"password": ?"|\bpassword +))[A-Za-z0-9]{24}(?![\w-])/g, '$1<password of 24>'],
  [/((?:"accessor": ?"|accessor:? +))[A-Za-z0-9]{24}\b/g, '$1<accessor>'],
  [/((?:creation_time|server_time_utc)(?:": ?| +))\d{10}\b/g, '$1<unix>'],
  // Go's and `operator key-status`'s ways to write a time.
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 UTC/g, '<time>'],
  [/\d\d [A-Z][a-z]{2} \d\d \d\d:\d\d UTC/g, '<time>'],
  [/v?\d+\.\d+\.\d+[-+][\w.+-]+/g, '<version>'],
  // A TTL counts down while the replay runs.
  [/\b5[5-9]m(\d+s)?\b/g, '<almost 1h>'],
  [/\b[6-9]m(\d+s)?\b/g, '<almost 10m>'],
  [/\b23h5[5-9]m(\d+s)?\b/g, '<almost 24h>'],
  [/^(ttl +)1h$/gm, '$1<almost 1h>'],
  [/("ttl": ?)3([345]\d\d|600)\b/g, '$1<almost 3600>'],
  [/("ttl": ?)(3[6-9]|[45]\d)\d\b/g, '$1<almost 600>'],
  [/("lease_duration": ?)86[0-3]\d\d\b/g, '$1<almost 86400>'],
  // Base62 keys of leases, one a line in a list.
  [/^[A-Za-z0-9]{24}$/gm, '<id>'],
  [/^( *)"[A-Za-z0-9]{24}"/gm, '$1"<id>"'],
];

/** Masks what is random. */
export function normalizeText(text: string): string {
  let result = text.trimEnd();
  for (const [pattern, replacement] of RANDOM) result = result.replace(pattern, replacement);
  return result;
}

export function normalizeBody(body: JsonValue | undefined): string {
  return body === undefined ? '' : normalizeText(JSON.stringify(sorted(body), null, 1));
}

/** Columns of a table whose rows differ on purpose have other widths: only the words count there. */
export function withoutColumns(text: string): string {
  return text.replace(/-{3,}/g, '---').replace(/ {2,}/g, ' ');
}

/** Names of another length break running text elsewhere: there, line breaks do not count. */
export function onlyWords(text: string): string {
  return text.split(/\s+/).join(' ').trim();
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => sorted(item));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
