/** The URL without query, fragment and user information: fit for messages and logs. */
export function redactUrl(url: string | URL): string {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : url;
  return typeof parsed === "string"
    ? "(malformed URL)"
    : `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
}
