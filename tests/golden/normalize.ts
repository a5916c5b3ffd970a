import { isJsonObject, type JsonValue } from '@coffer/base';

/** What differs between any two runs of the same server: times, ids, random parts, addresses, versions. */
const RANDOM: readonly (readonly [RegExp, string])[] = [
  [/\b(hv)?s\.[A-Za-z0-9]{24}\b/g, '<token>'],
  [/(\/creds\/[\w-]+\/)[A-Za-z0-9]{24}\b/g, '$1<id>'],
  [/v-token-my-first-[A-Za-z0-9]{20}-\d{10}/g, '<username>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  [/\b(?!0{64})[0-9a-f]{64}\b/g, '<sha256>'],
  [/vault-cluster-[0-9a-z]{8}/g, '<cluster>'],
  [/\b(cubbyhole|database|identity|kv|system|auth_token)_[0-9a-z]{8}\b/g, '$1_<accessor>'],
  [/(127\.0\.0\.1|localhost):\d+/g, '$1:<port>'],
  [/((?:"password": ?"|\bpassword +))[A-Za-z0-9-]{20}/g, '$1<password>'],
  [/((?:"accessor": ?"|accessor +))[A-Za-z0-9]{24}/g, '$1<accessor>'],
  [/("creation_time": ?|creation_time +)\d{10}/g, '$1<unix>'],
  [/v?\d+\.\d+\.\d+[-+][\w.+-]+/g, '<version>'],
  // A TTL counts down while the replay runs.
  [/\b5[5-9]m(\d+s)?\b/g, '<almost 1h>'],
  [/\b[5-9]m(\d+s)?\b/g, '<almost 10m>'],
  [/\b23h5[5-9]m(\d+s)?\b/g, '<almost 24h>'],
  [/("ttl": ?)3[345]\d\d\b/g, '$1<almost 3600>'],
  [/("ttl": ?)[345]\d\d\b/g, '$1<almost 600>'],
  [/("lease_duration": ?)86[0-3]\d\d\b/g, '$1<almost 86400>'],
  // Base62 keys of leases, one a line in a list.
  [/^[A-Za-z0-9]{24}$/gm, '<id>'],
  [/^( *)"[A-Za-z0-9]{24}"/gm, '$1"<id>"'],
];

/** Renames OpenBao to Vault and masks what is random. */
export function normalizeText(text: string): string {
  let result = text.replaceAll('OpenBao', 'Vault').replaceAll('bao ', 'vault ').trimEnd();
  for (const [pattern, replacement] of RANDOM) result = result.replace(pattern, replacement);
  // Behind the engine's own prefix the database driver's words are free.
  return result.replace(/(error verifying connection: ).*?(?="|$)/gm, '$1<driver>');
}

export function normalizeBody(body: JsonValue | undefined): string {
  return body === undefined ? '' : normalizeText(JSON.stringify(sorted(body), null, 1));
}

/** Columns of a table whose rows differ on purpose have other widths: only the words count there. */
export function withoutColumns(text: string): string {
  return text.replace(/-{3,}/g, '---').replace(/ {2,}/g, ' ');
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
