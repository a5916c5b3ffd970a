/** What we use of Eleventy, which brings no types. */
declare module '@11ty/eleventy' {
  import type MarkdownIt from 'markdown-it';

  export interface UserConfig {
    /** A page that is in no file below the input folder, with the data of its own. */
    addTemplate(path: string, content: string, data: object): void;
    /** From paths below the working directory to paths below the output folder. */
    addPassthroughCopy(paths: Readonly<Record<string, string>>): void;
    addGlobalData(name: string, value: unknown): void;
    setLibrary(engine: 'md', library: MarkdownIt): void;
    amendLibrary(engine: 'md', change: (library: MarkdownIt) => void): void;
    setTemplateFormats(formats: readonly string[]): void;
    setUseGitIgnore(use: boolean): void;
  }

  export default class Eleventy {
    constructor(
      input: string,
      output: string,
      options: {
        readonly quietMode: boolean;
        /** Where a configuration file would be; none is read where it is `false`. */
        readonly configPath: string | false;
        readonly config: (config: UserConfig) => void;
      },
    );
    /** Reads the input folder and writes the output folder. @throws Error when a page cannot be made */
    write(): Promise<void>;
  }
}
