/**
 * What a process needs to run. Keys are not among it: the configuration reads them from the request instead.
 */
export function plainEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(env))
    if (value !== undefined && PLAIN.test(name)) plain[name] = value;
  return plain;
}

const PLAIN =
  /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|NODE_OPTIONS|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|XDG_[A-Z_]+|UV_THREADPOOL_SIZE|(HTTPS?|NO)_PROXY)$/i;
