/**
 * The text that hashicorp/go-multierror makes of several errors. Vault wraps the failures of its engines in it, and clients
 * show it as it is.
 */
export function multiError(messages: readonly string[]): string {
  const head = messages.length === 1 ? '1 error occurred:' : `${messages.length} errors occurred:`;
  return `${head}\n${messages.map((message) => `\t* ${message}\n`).join('')}\n`;
}
