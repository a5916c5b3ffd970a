/**
 * The text hashicorp/go-multierror gives several errors. Vault wraps what its engines fail with in one of these, and
 * clients show it as it is.
 */
export function multiError(messages: readonly string[]): string {
  const head = messages.length === 1 ? '1 error occurred:' : `${messages.length} errors occurred:`;
  return `${head}\n${messages.map((message) => `\t* ${message}\n`).join('')}\n`;
}
