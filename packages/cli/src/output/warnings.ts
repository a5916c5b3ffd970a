import { type ApiResponse, parseSecretResponse } from '@coffer/client';
import type { Ui } from '../ui.ts';
import { wrapText } from './wrap.ts';

/** What the server warns of, to stderr. */
export function printWarnings(ui: Ui, warnings: readonly string[] | null): void {
  if (warnings === null || warnings.length === 0) return;
  ui.warn('WARNING! The following warnings were returned from Vault:\n');
  for (const warning of warnings) ui.warn(`${wrapText(`* ${warning}`, 2)}\n`);
}

/** For commands that show nothing else of the answer. */
export function printWarningsOf(ui: Ui, answer: ApiResponse): void {
  printWarnings(ui, parseSecretResponse(answer.body)?.warnings ?? null);
}
