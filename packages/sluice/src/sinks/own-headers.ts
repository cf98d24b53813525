/** Field names of RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~\da-z-]+$/i;
const PRINTABLE = /^[\x20-\x7e]*$/;
/** What the sink says itself, and what belongs to the connection. */
const OURS =
  /^(content-.*|user-agent|webhook-.*|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|http2-settings)$/;
/** Shorter ones would be found in ordinary text: `Bearer` is none. */
const SECRET_LENGTH_MIN = 8;

/** What is wrong with the headers that a user adds, as the end of a sentence; undefined if nothing is. */
export function headersFault(headers: Readonly<Record<string, string>>): string | undefined {
  const names = Object.keys(headers).map((name) => name.toLowerCase());
  for (const [name, value] of Object.entries(headers)) {
    if (!TOKEN.test(name)) return `has a name that no header can have: ${JSON.stringify(name)}`;
    if (OURS.test(name.toLowerCase())) return `cannot set ${name}: the sink does that itself`;
    if (!PRINTABLE.test(value)) return `has a value for ${name} that is not printable ASCII`;
  }
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined ? undefined : `has ${twice} twice`;
}

/** Header values, and the words in them, for most of them are keys: `Bearer …`. */
export function secretsIn(headers: Readonly<Record<string, string>>): readonly string[] {
  const values = Object.values(headers).flatMap((value) => [value, ...value.split(" ")]);
  return values.filter((value) => value.length >= SECRET_LENGTH_MIN);
}
