import type { SeenNode } from './nodes.ts';

/** This node among all that serve the store, as its API paths see it. */
export interface NodeControl {
  /** Whether other processes may have the store open as well. */
  readonly isShared: boolean;
  /** Where clients reach it; empty until that is known. */
  readonly address: string;
  /** When its seal was opened, in milliseconds since 1970; undefined while it is closed. */
  readonly openSince: number | undefined;
  /** Why requests should go to another node, though this one's seal may be open; undefined when they need not. */
  readonly problem: string | undefined;
  /** Every node that the store knows, by address. @throws CofferError as the store does */
  list(): Promise<readonly SeenNode[]>;
}
