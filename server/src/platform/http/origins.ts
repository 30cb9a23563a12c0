/** Which web pages may call this server. Checked at the socket's handshake and on every POST that names its origin. */
export type OriginRule =
  /** The page came from the same host that is called: right where nothing stands in front of the server. */
  { kind: 'same-host' } | { kind: 'listed'; origins: readonly string[] } | { kind: 'any' };

/**
 * Whether a request with these headers may come in. One without an Origin is no web page (a phone app, a script, a load
 * test): browsers send it on every POST and every websocket, so there is no visitor to protect from it.
 */
export function originAllowed(
  rule: OriginRule,
  headers: { origin?: string | undefined; host?: string | undefined },
): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (rule.kind === 'any') return true;
  if (rule.kind === 'listed') return rule.origins.includes(origin.toLowerCase());
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
