/**
 * Settings from the environment: `SLUICE_SPOOL__MAX_BYTES` is `[spool] max_bytes`. Short names exist for what
 * is set most. Only names with a double underscore count, because orchestrators invent others (Kubernetes
 * sets SLUICE_PORT for a service called sluice). Sinks come from files and flags only.
 */
export function environmentSettings(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, unknown> {
  const settings: Record<string, Record<string, unknown>> = {};
  const set = (table: string, key: string, value: string) => {
    settings[table] = { ...settings[table], [key]: value };
  };
  for (const [name, [table, key]] of Object.entries(SHORT_NAMES)) {
    const value = env[name];
    if (value) set(table, key, value);
  }
  for (const [name, value] of Object.entries(env)) {
    const match = /^SLUICE_([A-Z0-9]+)__([A-Z0-9_]+)$/.exec(name);
    if (match?.[1] && match[2] && value) set(match[1].toLowerCase(), match[2].toLowerCase(), value);
  }
  return settings;
}

/** Name, then table and key. */
export const SHORT_NAMES: Readonly<Record<string, readonly [string, string]>> = {
  SLUICE_LISTEN: ["server", "listen"],
  SLUICE_TOKEN: ["server", "token"],
  SLUICE_DATA_DIR: ["spool", "data_dir"],
  SLUICE_LOG_LEVEL: ["log", "level"],
};
