declare module "istanbul-lib-instrument" {
  /** Source with a counter for each statement, function and branch, kept in `globalThis.__coverage__`. */
  export function createInstrumenter(options: {
    readonly esModules?: boolean;
    readonly compact?: boolean;
    readonly autoWrap?: boolean;
  }): { instrumentSync(code: string, filename: string): string };
}
