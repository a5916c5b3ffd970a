export interface LoginRequest {
  /** The `key=value` arguments. */
  readonly details: ReadonlyMap<string, string>;
  /** Where the method is enabled, without `auth/` and slashes at the ends. */
  readonly mount: string;
  /** Asks the user for what is not among the details. @throws CofferError when nobody can be asked */
  readonly ask: (name: string, question: string) => Promise<string>;
  /** Tells the user what is worth knowing meanwhile. */
  readonly tell: (text: string) => void;
}
