declare module "kaitai-struct-compiler" {
  /** Compiles a definition that was read as YAML; gives file names to sources. */
  const compiler: {
    compile(
      language: string,
      definition: unknown,
      importer: { importYaml(name: string): Promise<unknown> },
      debug: boolean,
    ): Promise<Record<string, string>>;
  };
  export = compiler;
}
