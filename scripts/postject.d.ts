declare module 'postject' {
  /** Puts a resource into a copy of the Node.js binary, in place. */
  export function inject(
    filename: string,
    resourceName: string,
    resourceData: Buffer,
    options: { sentinelFuse: string },
  ): Promise<void>;
}
